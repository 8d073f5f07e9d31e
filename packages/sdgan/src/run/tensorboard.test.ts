import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parse, readEvents, scalarsOf, utf8 } from "../testing/events.js";
import { EventFile } from "./tensorboard.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-events-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("an independent parser of the format finds what was written", async () => {
  const png = await sharp({ create: { width: 7, height: 5, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const file = new EventFile(folder, 1);
  file.scalars(10, { "loss/generator": 4.25, größe: -0.5 });
  file.scalars(300_000, { nan: Number.NaN });
  file.image(300_001, "samples", png);
  file.close();

  const [first, losses, nan, sample, ...rest] = readEvents(file.path);
  expect(rest).toEqual([]);
  expect(utf8(first!, 3)).toBe("brain.Event:2");
  expect(new DataView((first![1]![0] as Uint8Array).buffer).getFloat64(0, true)).toBeCloseTo(
    Date.now() / 1000,
    -2,
  );
  expect(losses![2]).toEqual([10]);
  expect(scalarsOf(losses!)).toEqual({ "loss/generator": 4.25, größe: -0.5 });
  expect(nan![2]).toEqual([300_000]);
  expect(scalarsOf(nan!)).toEqual({ nan: Number.NaN });
  expect(sample![2]).toEqual([300_001]);
  const value = parse((parse(sample![5]![0] as Uint8Array)[1] as Uint8Array[])[0]!);
  const image = parse(value[4]![0] as Uint8Array);
  expect(utf8(value, 1)).toBe("samples");
  expect([image[1], image[2], image[3]]).toEqual([[5], [7], [3]]);
  expect(Buffer.from(image[4]![0] as Uint8Array)).toEqual(png);
});

it("a second file voids later steps of the first, and is read after it", () => {
  for (const firstStep of [1, 41]) new EventFile(folder, firstStep).close();
  const names = readdirSync(folder).sort();
  expect(names).toHaveLength(2);
  const [, session] = readEvents(join(folder, names[1]!));
  expect(session![2]).toEqual([41]);
  expect(parse(session![7]![0] as Uint8Array)).toEqual({ 1: [1] });
});
