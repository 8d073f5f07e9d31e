import { existsSync, linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Random } from "@sdgan/core";
import { writeCaptions } from "../data/birds/captions.js";
import { makeSpecies } from "../data/birds/species.js";
import { TEST_CLASSES } from "../data/cub.js";
import { type CubImage, readCubLists } from "../data/cub-lists.js";
import { DataFolder } from "../data/data-folder.js";
import { writeAttnganLists } from "./attngan-tree.js";
import { inTurn } from "./in-turn.js";
import { type PhotographKind, photograph, randomKind } from "./photograph.js";

export interface CubTreeOptions {
  /** The folder with CUB's `classes.txt`, `images.txt`, `image_class_labels.txt` and `bounding_boxes.txt`. */
  lists: string;
  /** The folder to create. */
  out: string;
  /** Number of images to draw, evenly spaced in the lists; by default all. */
  count?: number;
  onProgress?: (done: number, total: number) => void;
}

/** Expected data of a drawn image. */
export interface DrawnBird extends CubImage {
  width: number;
  height: number;
  kind: PhotographKind;
  captions: string[];
}

/**
 * For tests: CUB-200-2011 with drawn images instead of photographs, in two layouts. Images and captions of
 * the second are links to those of the first:
 *
 *     CUB_200_2011/, text_c10/     as published
 *     birds/                       AttnGAN's: CUB_200_2011/, text/, {train,test}/*.pickle, captions.pickle
 *
 * Images are large enough for their boxes, up to CUB's limit of 500 pixels, which a few boxes exceed. Lists
 * are copied byte for byte. AttnGAN's lists (`train-filenames.pickle`, …) are copied if they are in the
 * folder of the lists.
 */
export async function drawCub({ lists, out, count, onProgress }: CubTreeOptions): Promise<DrawnBird[]> {
  const { classes, images } = readCubLists(new DataFolder(lists, "Give the folder with images.txt."));
  const chosen = spread(images, count ?? images.length);
  const species = makeSpecies(Math.max(4, classes.length), new Random(0, "birds", "species"));
  const drawn = chosen.map((image, i): DrawnBird => {
    const random = new Random(0, "cub", i);
    const { x, y, width, height } = image.box;
    const { traits } = species[image.classId]!;
    return {
      ...image,
      width: side(x + width, random),
      height: side(y + height, random),
      kind: randomKind(random),
      captions: writeCaptions(traits, 10, random).map(({ text }) => text),
    };
  });

  for (const birds of [join(out, "CUB_200_2011"), join(out, "birds/CUB_200_2011")]) {
    copyLists(
      lists,
      birds,
      count === undefined ? undefined : new Set(chosen.map((image) => images.indexOf(image))),
    );
  }
  await inTurn(drawn, 4, async (bird, i) => {
    const random = new Random(0, "cub", "image", i);
    const jpeg = await photograph(species[bird.classId]!.traits, bird, bird.kind, random);
    writeTwice(out, `CUB_200_2011/images/${bird.id}`, `birds/CUB_200_2011/images/${bird.id}`, jpeg);
    const text = Buffer.from(`${bird.captions.join("\n")}\n`);
    writeTwice(out, `text_c10/${bird.name}.txt`, `birds/text/${bird.name}.txt`, text);
    onProgress?.(i + 1, drawn.length);
  });
  const listed = drawn.map(({ name, classNumber, captions }) => {
    const split = TEST_CLASSES.has(classNumber) ? ("test" as const) : ("train" as const);
    return { name, split, classNumber, captions };
  });
  writeAttnganLists(join(out, "birds"), listed, 10);
  if (count === undefined) copyPickles(lists, join(out, "birds"));
  return drawn;
}

/** Random length of a side: from 120 pixels or what the box needs, to 500. */
function side(needed: number, random: Random): number {
  const least = Math.min(500, Math.max(120, Math.ceil(needed)));
  return least + random.below(501 - least);
}

/**
 * Copies the lists into `out`; with `places`, only the lines of the images at these positions of
 * `images.txt`.
 */
function copyLists(lists: string, out: string, places: Set<number> | undefined): void {
  mkdirSync(out, { recursive: true });
  const numbers = readFileSync(join(lists, "images.txt"), "latin1").match(/^\d+/gm)!;
  const chosen = new Set(numbers.filter((_, place) => places?.has(place) ?? true));
  for (const list of ["classes.txt", "images.txt", "image_class_labels.txt", "bounding_boxes.txt"]) {
    const lines = readFileSync(join(lists, list), "latin1").split(/(?<=\n)/);
    const kept = list === "classes.txt" ? lines : lines.filter((line) => chosen.has(/^\d*/.exec(line)![0]));
    writeFileSync(join(out, list), kept.join(""), "latin1");
  }
}

function copyPickles(lists: string, out: string): void {
  for (const split of ["train", "test"]) {
    for (const list of ["filenames.pickle", "class_info.pickle"]) {
      const file = join(lists, `${split}-${list}`);
      if (existsSync(file)) writeFileSync(join(out, split, list), readFileSync(file));
    }
  }
}

function writeTwice(out: string, file: string, link: string, bytes: Buffer): void {
  for (const path of [file, link]) mkdirSync(dirname(join(out, path)), { recursive: true });
  writeFileSync(join(out, file), bytes);
  linkSync(join(out, file), join(out, link));
}

function spread<T>(items: T[], count: number): T[] {
  const n = Math.min(count, items.length);
  return Array.from({ length: n }, (_, i) => items[Math.floor((i * items.length) / n)]!);
}
