import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "@sdgan/core";
import { writeCaptions } from "../data/birds/captions.js";
import { makeSpecies } from "../data/birds/species.js";
import { writeAttnganLists } from "./attngan-tree.js";
import { inTurn } from "./in-turn.js";
import { photograph, randomKind } from "./photograph.js";

export interface CocoTreeOptions {
  /** The folder to create. */
  out: string;
  year: 2014 | 2017;
  /** Number of images in both parts, two thirds of them in train. */
  images: number;
  /** Number of images that are drawn. The others are links to them. */
  drawn: number;
  onProgress?: (done: number, total: number) => void;
}

/** Expected data of an image in the tree. */
export interface Scene {
  /** COCO's image id. */
  id: number;
  /** Index among all images. */
  index: number;
  fileName: string;
  part: "train" | "val";
  captions: string[];
}

/**
 * For tests: a copy of COCO's layouts with drawn images instead of photographs:
 *
 *     annotations/captions_{train,val}YEAR.json, trainYEAR/, valYEAR/     as published
 *     coco/                                                               AttnGAN's: images/, text/, *.pickle
 *
 * The lists have all fields of COCO's lists. Captions of an image are not adjacent in them. One image in a
 * hundred has six captions instead of five.
 */
export async function drawCoco(options: CocoTreeOptions): Promise<Scene[]> {
  const { out, year, images, drawn, onProgress } = options;
  const species = makeSpecies(200, new Random(0, "birds", "species"));
  const files = Array.from({ length: Math.min(drawn, images) }, (_, i) => join(out, "drawn", `${i}.jpg`));
  mkdirSync(join(out, "drawn"), { recursive: true });
  const sizes = files.map((_, i) => sizeOf(i));
  await inTurn(files, 4, async (file, i) => {
    const random = new Random(0, "coco", "image", i);
    const box = { x: 40, y: 40, width: sizes[i]!.width - 80, height: sizes[i]!.height - 80 };
    const { traits } = species[i % species.length]!;
    writeFileSync(file, await photograph(traits, { ...sizes[i]!, box }, randomKind(random), random));
  });

  const scenes = Array.from({ length: images }, (_, i): Scene => {
    const part = i < (images * 2) / 3 ? "train" : "val";
    const number = String(7 * i + 9).padStart(12, "0");
    const random = new Random(0, "coco", "captions", i);
    const { traits } = species[(i % files.length) % species.length]!;
    const captions = writeCaptions(traits, i % 100 === 99 ? 6 : 5, random).map(({ text }) => text);
    return {
      id: 7 * i + 9,
      index: i,
      fileName: year === 2014 ? `COCO_${part}2014_${number}.jpg` : `${number}.jpg`,
      part,
      captions,
    };
  });
  for (const folder of [`train${year}`, `val${year}`, "annotations", "coco/images", "coco/text"]) {
    mkdirSync(join(out, folder), { recursive: true });
  }
  for (const [i, { fileName, part, captions }] of scenes.entries()) {
    const file = files[i % files.length]!;
    linkSync(file, join(out, part + year, fileName));
    linkSync(file, join(out, "coco/images", fileName));
    writeFileSync(join(out, "coco/text", fileName.replace(".jpg", ".txt")), captions.join("\n"));
    onProgress?.(i + 1, scenes.length);
  }
  for (const part of ["train", "val"] as const) {
    const own = scenes.filter((scene) => scene.part === part);
    const list = {
      ...heading(year),
      images: own.map((scene) => image(scene, part + year, sizes)),
      annotations: annotations(own),
    };
    writeFileSync(join(out, `annotations/captions_${part}${year}.json`), JSON.stringify(list));
  }
  writeAttnganLists(
    join(out, "coco"),
    scenes.map(({ fileName, part, captions }) => ({
      name: fileName.replace(".jpg", ""),
      split: part === "train" ? "train" : "test",
      captions,
    })),
    5,
  );
  return scenes;
}

function heading(year: number) {
  return {
    info: {
      description: `COCO ${year} Dataset`,
      version: "1.0",
      year,
      contributor: "drawn",
      date_created: `${year}/01/01`,
    },
    licenses: [{ id: 1, name: "none", url: "http://licenses.example/" }],
  };
}

function image({ id, index, fileName }: Scene, folder: string, sizes: Size[]) {
  return {
    ...{ license: 1, file_name: fileName, coco_url: `http://images.example/${folder}/${fileName}` },
    ...sizes[index % sizes.length]!,
    ...{ date_captured: "2013-11-14 16:28:13", flickr_url: `http://photographs.example/${fileName}`, id },
  };
}

/** Captions of an image are in order, but not adjacent. */
function annotations(scenes: Scene[]) {
  const shuffled = new Random(0, "annotations").shuffled(scenes);
  const all = [0, 1, 2, 3, 4, 5].flatMap((nth) =>
    shuffled.flatMap(({ id, captions }) =>
      captions[nth] === undefined ? [] : { image_id: id, caption: captions[nth] },
    ),
  );
  return all.map(({ image_id, caption }, id) => ({ image_id, id: id + 1, caption }));
}

interface Size {
  width: number;
  height: number;
}

function sizeOf(i: number): Size {
  const random = new Random(0, "coco", "size", i);
  return { width: 240 + random.below(401), height: 240 + random.below(401) };
}
