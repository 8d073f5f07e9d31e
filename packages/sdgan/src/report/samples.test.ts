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

/** The sheet of step `step`: three images whose every byte says step and place. */
const sheet = (step: number) =>
  grid([
    [0, 1, 2].map((place) => ({
      ...{ size: 8, pixels: new Uint8Array(8 * 8 * 3).fill(step + 80 * place), caption: `caption ${place}` },
    })),
  ]);
const name = (step: number) => join(folder, `step-${String(step).padStart(7, "0")}.png`);

it("has captions down and steps across, evenly, the last one among them, each image at its own size", async () => {
  for (let step = 1; step <= 20; step++) writeFileSync(name(step), await sheet(step));
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

it("leaves out sheets that do not say where their images are", async () => {
  writeFileSync(
    name(1),
    await sharp(await sheet(1))
      .png()
      .toBuffer(),
  );
  expect(await samplesOverSteps(folder)).toBeUndefined();
  writeFileSync(name(2), await sheet(2));
  expect((await samplesOverSteps(folder))!.steps).toEqual([2]);
});
