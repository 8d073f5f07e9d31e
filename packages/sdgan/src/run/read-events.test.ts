import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readScalars } from "./read-events.js";
import { EventFile } from "./tensorboard.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-curves-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("reads one curve from all files of a run, which contain other curves and images, and skips incomplete records", async () => {
  const png = await sharp({ create: { width: 7, height: 5, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const first = new EventFile(folder, 1);
  first.scalars(10, { "seconds/step": 0.5, größe: 3 });
  first.image(10, "seconds/step", png);
  first.scalars(300_000, { größe: 4, "seconds/step": 0.25 });
  first.close();
  const second = new EventFile(folder, 300_001);
  second.scalars(300_010, { "seconds/step": 2 });
  second.scalars(300_020, { "seconds/step": 8 });
  second.close();
  writeFileSync(join(folder, "metrics.jsonl"), "{}");

  expect(readScalars(folder, "seconds/step").map(({ step, value }) => [step, value])).toEqual([
    [10, 0.5],
    [300_000, 0.25],
    [300_010, 2],
    [300_020, 8],
  ]);
  truncateSync(second.path, statSync(second.path).size - 1);
  expect(readScalars(folder, "seconds/step").at(-1)).toEqual({ step: 300_010, value: 2 });
  expect(readScalars(folder, "none")).toEqual([]);
});
