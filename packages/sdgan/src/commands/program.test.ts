import { afterEach, expect, it, vi } from "vitest";
import { findBox } from "../util/box.js";
import { UsageError } from "./errors.js";
import { makeProgram } from "./program.js";

afterEach(() => {
  vi.restoreAllMocks();
});

/** What `sdgan` prints on stdout. */
async function printed(...args: string[]): Promise<string> {
  let text = "";
  vi.spyOn(console, "log").mockImplementation((line) => {
    text += `${line}\n`;
  });
  vi.spyOn(process.stdout, "write").mockImplementation((part) => {
    text += String(part);
    return true;
  });
  await makeProgram()
    .parseAsync(args, { from: "user" })
    .catch((error) => {
      // The parser ends --help with an error.
      if (error.code !== "commander.helpDisplayed") throw error;
    });
  vi.restoreAllMocks();
  return text;
}

it.each([
  [[]],
  [["train"]],
  [["train", "gan"]],
  [["prepare", "folder"]],
  [["import", "attngan"]],
  [["doctor"]],
])("help of %j is what its --help prints", async (names) => {
  const help = await printed("help", ...names);
  expect(help).toMatch(new RegExp(`^Usage: sdgan ${names.join(" ")}`.trimEnd()));
  expect(help).toBe(await printed(...names, "--help"));
});

it("help of a command that there is not names those that there are", async () => {
  const refused = async (...names: string[]) => printed("help", ...names).then(String, (error) => error);
  expect(await refused("trian")).toEqual(new UsageError("unknown command 'trian'. Did you mean train?"));
  expect((await refused("train", "zebra")).message).toBe(
    "unknown command 'zebra'. Commands are damsm, gan, attribute-classifier",
  );
  expect((await refused("doctor", "gan")).message).toMatch(/doctor has no commands of its own$/);
});

it("without arguments prints the command that generates images with the first model in the box", async () => {
  const { model, captions } = findBox()!.first;
  const command = `npx sdgan generate --model ${model} --caption "${captions[0]}" --count 4 --out images`;
  expect(await printed()).toContain(`\n  ${command}\n`);
  expect(await printed("--help")).toContain(`\n  ${command}\n`);
  expect(await printed("generate", "--help")).toContain(`\n  ${command}\n`);
});

it.each([
  [["trian", "gan"], "unknown command 'trian'. Did you mean train?"],
  [["train", "damms"], "unknown command 'damms'. Did you mean damsm?"],
  [["evaluate", "damsn"], "unknown command 'damsn'. Did you mean damsm?"],
  [["evaluate", "dasmm", "--run", "x", "--split", "val"], "unknown command 'dasmm'. Did you mean damsm?"],
  [["evaluate", "--run", "x", "damm"], "unknown command 'damm'. Did you mean damsm?"],
  [["export", "onxx", "--run", "x"], "unknown command 'onxx'. Did you mean onnx?"],
  [["evaluate", "x"], "unknown command 'x'. Commands are damsm; options: npx sdgan evaluate --help"],
  [
    ["zebra"],
    "unknown command 'zebra'. Commands are prepare, train, generate, evaluate, ablate, report, import, export, serve, studio, setup, doctor, help",
  ],
])("%j is refused with what was meant", async (args, message) => {
  await expect(printed(...args)).rejects.toEqual(new UsageError(message));
});
