/** Prepares CUB's files in both layouts. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@sdgan/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkCrops } from "../testing/crop-check.js";
import { writeCubLists } from "../testing/cub-lists.js";
import { type DrawnBird, drawCub } from "../testing/cub-tree.js";
import { cub } from "./cub.js";
import type { Source } from "./dataset.js";
import { prepare } from "./prepare.js";
import { withVocabulary } from "./with-vocabulary.js";

const NAMES = ["001.Albatross", "002.Wren", "003.Finch", "004.Cuckoo"];

const IMAGES = 80;

let dir: string;
let drawn: DrawnBird[];
const published = () => join(dir, "tree/CUB_200_2011");
const attngan = () => join(dir, "tree/birds");

/** Images of all kinds, with small and large boxes, up to the edges and beyond. */
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-cub-"));
  const random = new Random(0, "boxes");
  const images = Array.from({ length: IMAGES }, (_, i) => ({
    id: `${NAMES[i % 4]}/${i}.jpg`,
    box: {
      ...{ x: random.below(60), y: random.below(60) },
      ...{ width: 20 + random.below(180), height: 20 + random.below(180) },
    },
  }));
  images[1]!.box = { x: 480, y: 490, width: 52, height: 11 };
  writeCubLists(join(dir, "lists"), NAMES, images);
  drawn = await drawCub({ lists: join(dir, "lists"), out: join(dir, "tree") });
});
afterAll(() => rmSync(dir, { recursive: true }));

/** All files of the prepared `source`, at a size for which no crop is decoded at reduced resolution. */
async function prepared(source: Source): Promise<Map<string, Buffer>> {
  const out = join(dir, "prepared");
  rmSync(out, { recursive: true, force: true });
  await prepare(source, { out, size: 64 });
  return new Map(readdirSync(out).map((file) => [file, readFileSync(join(out, file))]));
}

it("both layouts result in the same bytes", async () => {
  const words = join(attngan(), "captions.pickle");
  expect(await prepared(withVocabulary(cub(published()), words))).toEqual(await prepared(cub(attngan())));
  expect(await prepared(cub(published()))).toEqual(
    await prepared(withVocabulary(cub(attngan()), "captions")),
  );
});

it("every image equals the published crop, to the pixel", async () => {
  await prepared(cub(published()));
  const kinds = drawn.map(({ kind }) => kind);
  expect(new Set(kinds.map(({ colours }) => colours))).toEqual(new Set(["rgb", "grey", "cmyk"]));
  expect(kinds.filter(({ orientation }) => orientation > 1).length).toBeGreaterThan(3);
  expect(kinds.filter(({ progressive }) => progressive).length).toBeGreaterThan(3);
  expect(await checkCrops(published(), join(dir, "prepared"))).toEqual({ agree: IMAGES, differ: [] });

  // The box is moved by two pixels: one may not change the centre of a crop at the image's edge.
  const boxes = join(published(), "bounding_boxes.txt");
  writeFileSync(
    boxes,
    readFileSync(boxes, "utf8").replace(/^1 (\d+)/m, (_, x) => `1 ${Number(x) + 2}`),
  );
  const { differ } = await checkCrops(published(), join(dir, "prepared"));
  expect(differ).toEqual([expect.stringMatching(/^001\.Albatross\/0\.jpg: by up to \d+$/)]);
});
