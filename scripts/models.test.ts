import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "@sdgan/pipeline";
import { expect, it } from "vitest";
import { readBox } from "../packages/sdgan/src/util/box.js";
import { ROOT } from "./setup.mjs";

const box = readBox(join(ROOT, "models"));
const MEGABYTES = 2 ** 20;
const hashOf = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

it.each(box.models)("the model %s is complete, small, and generates", async (name) => {
  const folder = join(box.folder, name);
  const generate = await pipeline("text-to-image", folder, { threads: 1 });
  const { files, training, license } = generate.model;
  expect(generate.model.name).toBe(name);
  expect(Object.keys(files).sort()).toEqual(
    readdirSync(folder)
      .filter((file) => file !== "model.json")
      .sort(),
  );
  // Loading it has compared the files that generate; this compares the card and the licences too.
  for (const [file, { sha256 }] of Object.entries(files))
    expect([file, hashOf(join(folder, file))]).toEqual([file, sha256]);
  const size = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
  expect(size).toBeLessThan(10 * MEGABYTES);

  const card = readFileSync(join(folder, "README.md"), "utf8");
  for (const part of [`model_name: ${name}`, "## Training", "## Evaluation", "## Limits", "## License"])
    expect(card).toContain(part);
  expect(card).toContain(String(training.steps));
  expect([license, training.dataLicense]).not.toContain("NOASSERTION");
  // Licences that ask for the authors' names need them here.
  if (/CC-BY/.test(training.dataLicense)) expect(Object.keys(files)).toContain("LICENSES.txt");

  const [image] = await generate(generate.words.slice(0, 5).join(" "), { seed: 1 });
  expect(new Set(image!.pixels).size).toBeGreaterThan(50);
  await generate.dispose();
});

it("README.md lists every model", () => {
  const readme = readFileSync(join(box.folder, "README.md"), "utf8");
  for (const name of box.models) expect(readme).toContain(`[\`${name}\`](${name}/README.md)`);
});

it("first.json names a model in the box, and captions of which it knows every word", async () => {
  const { model, captions } = box.first;
  expect(box.models).toContain(model);
  const generate = await pipeline("text-to-image", join(box.folder, model), { threads: 1 });
  // The command is printed with the caption in double quotes.
  for (const caption of captions) expect(caption).not.toMatch(/["$`\\!\n]/);
  for (const caption of captions)
    expect(generate.read(caption)).toMatchObject({ unknown: [], beyond: [], lost: [] });
  expect(captions.length).toBeGreaterThan(1);
  await generate.dispose();
});

it("README.md of the project begins with the command of first.json", () => {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const { model, captions } = box.first;
  const [firstBlock] = /```sh\n[\s\S]*?```/.exec(readme)!;
  expect(firstBlock).toContain(`npx sdgan generate --model ${model} --caption "${captions[0]}"`);
});
