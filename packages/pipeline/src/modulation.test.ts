import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { pipeline, type TextToImage } from "./node.js";
import { type Files, generator, generatorInputs, generatorOutputs, tinyModel } from "./testing/tiny-model.js";

async function load(files: Files): Promise<TextToImage> {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-modulation-"));
  const model = join(folder, "tiny");
  mkdirSync(model);
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(model, file), bytes);
  const generate = await pipeline("text-to-image", model);
  onTestFinished(async () => {
    await generate.dispose();
    rmSync(folder, { recursive: true });
  });
  return generate;
}

it("returns the strength of SCBN's γ_c at each place if asked", async () => {
  const generate = await load(await tinyModel());
  const [image] = await generate("a red bird", { modulation: true });
  const [whole, places] = image!.modulation;
  expect([whole!.size, whole!.values.length, places!.size, places!.values.length]).toEqual([1, 1, 8, 64]);
  expect(Math.min(...places!.values)).toBeGreaterThan(0);
  // |mean γ_c| is at most the mean of |γ_c|.
  const mean = places!.values.reduce((sum, value) => sum + value, 0) / 64;
  expect(whole!.values[0]).toBeLessThanOrEqual(mean);
  const [plain] = await generate("a red bird");
  expect([plain!.modulation, plain!.shift]).toEqual([[], []]);
});

it("returns the strength of β_c beside it", async () => {
  const generate = await load(await tinyModel());
  const [image] = await generate("a red bird", { modulation: true });
  const { modulation, shift } = image!;
  expect(shift.map(({ size }) => size)).toEqual([1, 8]);
  // The tiny model's β_c is −γ_c / 2.
  for (const [layer, { values }] of shift.entries())
    for (const [place, value] of values.entries())
      expect(value).toBeCloseTo(modulation[layer]!.values[place]! / 2, 5);
});

it("returns γ_c alone with a model that was exported without β_c", async () => {
  const files = await tinyModel(
    { generator: generator([], [...generatorInputs, ...generatorOutputs.slice(0, -2)]) },
    [],
  );
  // As earlier versions wrote it.
  const manifest = JSON.parse(new TextDecoder().decode(files["model.json"]));
  delete manifest.networks.generator.betas;
  const text = new TextEncoder().encode(JSON.stringify(manifest));
  const generate = await load({ ...files, "model.json": text });
  const [image] = await generate("a red bird", { modulation: true });
  expect([image!.modulation.length, image!.shift]).toEqual([2, []]);
});
