import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { grid } from "../images/grid.js";
import { samplesOverSteps } from "./samples.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-samples-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The sample grid of a step: three images whose bytes all equal a number of step and place. */
const sampleGrid = (step: number) =>
  grid([
    [0, 1, 2].map((place) => ({
      ...{ size: 8, pixels: new Uint8Array(8 * 8 * 3).fill(step + 80 * place), caption: `caption ${place}` },
    })),
  ]);
const name = (step: number) => join(folder, `step-${String(step).padStart(7, "0")}.png`);

it("has one row per caption and evenly spaced steps, the last one included, each image at its own size", async () => {
  for (let step = 1; step <= 20; step++) writeFileSync(name(step), await sampleGrid(step));
  writeFileSync(join(folder, "notes.txt"), "");
  const { steps, rows } = (await samplesOverSteps(folder))!;
  expect(steps).toEqual([3, 5, 8, 10, 13, 15, 18, 20]);
  expect(rows.map(({ title, images }) => [title, images.length])).toEqual([
    ["caption 0", 8],
    ["caption 1", 8],
    ["caption 2", 8],
  ]);
  for (const [place, { images }] of rows.entries())
    for (const [column, shown] of images.entries()) {
      const png = Buffer.from(shown!.image.split(",")[1]!, "base64");
      const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
      expect([info.width, info.height]).toEqual([8, 8]);
      expect(new Set(data)).toEqual(new Set([steps[column]! + 80 * place]));
    }
});

it("skips grids without positions of their images", async () => {
  writeFileSync(
    name(1),
    await sharp(await sampleGrid(1))
      .png()
      .toBuffer(),
  );
  expect(await samplesOverSteps(folder)).toBeUndefined();
  writeFileSync(name(2), await sampleGrid(2));
  expect((await samplesOverSteps(folder))!.steps).toEqual([2]);
});
