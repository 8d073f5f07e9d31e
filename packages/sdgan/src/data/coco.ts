import { UserError } from "@sdgan/core";
import { type AttnganLists, findAttnganLists } from "./attngan.js";
import { type FoundCaptions, findCaptionFolder, missingCaptions, readCaptionFile } from "./caption-files.js";
import { readAnnotations } from "./coco-annotations.js";
import { DataFolder } from "./data-folder.js";
import type { Example, Source, Split } from "./dataset.js";
import { Remarks } from "./remarks.js";

export interface CocoOptions {
  /** Which year's lists to use, if those of both years are present. */
  year?: CocoYear;
  /** The folder of the captions in AttnGAN's layout, if they are not in the data's folder. */
  text?: string;
}

const cocoYears = [2014, 2017] as const;
export type CocoYear = (typeof cocoYears)[number];

/**
 * Microsoft COCO (Lin et al., 2014): everyday scenes with at least five captions each and without boxes.
 * Every image is a class of its own. `path` is a folder in one of two layouts:
 *
 * - as published: `annotations/captions_{train,val}{2014,2017}.json`, and the images in `train2014`,
 *   `val2014` and so on, directly in the folder or in `images`. COCO's val split is used as `test`;
 * - AttnGAN's: `{train,test}/filenames.pickle`, `text` or `captions.pickle` (whose vocabulary is used), and
 *   the images in `images`, or in `train2014`, `val2014` and so on, directly in the folder or in `images`.
 *
 * In both layouts the images are in the order of their file names.
 * Throws a `UserError` when a list is missing or broken; a single broken image or caption file is skipped.
 */
export function coco(path: string, options: CocoOptions = {}): Source {
  const remarks = new Remarks();
  const folder = new DataFolder(path, "Give the folder of COCO, the one with annotations/.", remarks);
  const lists = findAttnganLists(folder);
  const layout = lists ? attnganLayout(folder, lists, options) : publishedLayout(folder, options);
  const images = layout.images.sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    ...layout.source,
    name: "coco",
    tokenizer: "attngan",
    remarks,
    count: images.length,
    classes: images.map(({ id }) => id),
    listing: images.map(({ id, split }, classId) => ({ id, split, classId })),
    async *examples() {
      for (const [classId, { id, split, captions, file }] of images.entries()) {
        const example: Example = {
          ...{ id, split, classId },
          ...(await captions()),
          stamp: () => folder.stamp(file()),
          read: () => folder.read(file()),
        };
        yield example;
      }
    },
  };
}

interface CocoLayout {
  source: Pick<Source, "found" | "vocabulary">;
  images: CocoImage[];
}

interface CocoImage {
  /** Its file name, which is unique in COCO. */
  id: string;
  split: Split;
  captions(): FoundCaptions | Promise<FoundCaptions>;
  /** Its path in the folder. */
  file(): string;
}

/** COCO's names for the splits: the text-to-image papers test on its `val`. */
const PARTS = { train: "train", test: "val" } as const;
type PublishedSplit = keyof typeof PARTS;
const SPLITS = ["train", "test"] as const satisfies PublishedSplit[];

function publishedLayout(folder: DataFolder, { year }: CocoOptions): CocoLayout {
  const listOf = (year: CocoYear, split: PublishedSplit) =>
    `annotations/captions_${PARTS[split]}${year}.json`;
  const splitsOf = (year: CocoYear) => SPLITS.filter((split) => folder.hasFile(listOf(year, split)));
  const years = cocoYears.filter((year) => splitsOf(year).length > 0);
  if (year === undefined && years.length > 1) {
    throw new UserError(
      `${folder.path}: has captions of ${years.join(" and ")}. Choose a year with --year.`,
      {
        code: "usage",
      },
    );
  }
  const chosen = year ?? years[0];
  if (chosen === undefined || splitsOf(chosen).length === 0) {
    throw new UserError(
      `${folder.path}: is not COCO: ${listOf(chosen ?? 2014, "train")} is missing. ` +
        "Give the folder with COCO's annotations and images.",
      { code: "data.invalid" },
    );
  }
  const splits = splitsOf(chosen);
  const images = splits.flatMap((split) => {
    const fileOf = imageFinder(folder, [`${PARTS[split]}${chosen}`]);
    const list = listOf(chosen, split);
    return readAnnotations(folder, list).map(({ fileName, captions }): CocoImage => {
      const found =
        captions.length > 0
          ? { captions: captions.map((text) => ({ text })) }
          : { captions: [], broken: `has no captions in ${folder.at(list)}` };
      return { id: fileName, split, captions: () => found, file: () => fileOf(fileName) };
    });
  });
  const found = `COCO as published; captions from ${splits.map((split) => folder.at(listOf(chosen, split))).join(" and ")}`;
  return { source: { found }, images };
}

function attnganLayout(folder: DataFolder, lists: AttnganLists, { text }: CocoOptions): CocoLayout {
  const captionFolder = findCaptionFolder([folder], text);
  if (!captionFolder && !lists.captions) throw missingCaptions(folder.path, [folder]);
  const fileOf = imageFinder(
    folder,
    cocoYears.flatMap((year) => Object.values(PARTS).map((part) => part + year)),
  );
  const images = lists.names.map(
    (name): CocoImage => ({
      id: `${name}.jpg`,
      split: lists.splitOf(name)!,
      captions: () =>
        captionFolder ? readCaptionFile(captionFolder, `${name}.txt`) : lists.captions!.captionsOf(name),
      file: () => fileOf(`${name}.jpg`),
    }),
  );
  return {
    source: {
      found: `COCO in AttnGAN's layout; captions from ${captionFolder?.path ?? lists.captions!.file}; split of filenames.pickle`,
      ...(lists.captions && { vocabulary: lists.captions.vocabulary }),
    },
    images,
  };
}

/** Returns a function that finds an image in the folders `parts`, `images/` plus one of them, or `images`. */
function imageFinder(folder: DataFolder, parts: string[]): (fileName: string) => string {
  const places = [...parts, ...parts.map((part) => `images/${part}`), "images"];
  const existing = places.filter((place) => folder.folder(place));
  if (existing.length === 0) {
    throw new UserError(
      `${folder.path}: has none of the folders ${places.join(", ")}. Unpack COCO's images there.`,
      { code: "data.invalid" },
    );
  }
  return (fileName) => {
    const files = existing.map((place) => `${place}/${fileName}`);
    return files.find((file) => folder.hasFile(file)) ?? files[0]!;
  };
}
