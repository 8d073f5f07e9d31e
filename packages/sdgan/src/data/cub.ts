import { quote, UserError } from "@sdgan/core";
import { type AttnganLists, findAttnganLists } from "./attngan.js";
import { findCaptionFolder, missingCaptions, readCaptionFile } from "./caption-files.js";
import { type CubImage, readCubLists } from "./cub-lists.js";
import { DataFolder } from "./data-folder.js";
import type { Example, Source, Split } from "./dataset.js";
import { Remarks } from "./remarks.js";

export interface CubOptions {
  /** The folder of the captions, if they are neither in the data's folder nor next to it. */
  text?: string;
}

/**
 * CUB-200-2011 (Wah et al., 2011): 11,788 images of 200 classes of birds, each with the bird's bounding box
 * and ten captions by Reed et al. (2016). `path` is a folder in one of two layouts:
 *
 * - as published: the folder with `images.txt`, `bounding_boxes.txt` and so on, or the folder that contains
 *   it as `CUB_200_2011`; the captions are in `text_c10` or `text`, in either of the two folders;
 * - AttnGAN's: `CUB_200_2011`, `{train,test}/filenames.pickle`, and `text` or `captions.pickle` (whose
 *   vocabulary is used).
 *
 * In both layouts the images are in the order of `images.txt`.
 * Throws a `UserError` when a list is missing or broken; a single broken image or caption file is skipped.
 */
export function cub(path: string, { text }: CubOptions = {}): Source {
  const remarks = new Remarks();
  const given = new DataFolder(path, "Give the folder of CUB-200-2011, the one with images.txt.", remarks);
  const birds = findBirds(given);
  const places = birds === given ? [given, new DataFolder(given.at(".."), "", remarks)] : [given, birds];
  const lists = findAttnganLists(given);
  const captionFolder = findCaptionFolder(places, text);
  if (!captionFolder && !lists?.captions) throw missingCaptions(path, places);

  if (!birds.folder("images")) {
    throw new UserError(`${birds.at("images")}: no such folder. CUB-200-2011 has its images there.`, {
      code: "file.missing",
    });
  }
  const { classes, images } = readCubLists(birds);
  if (lists) checkLists(given, lists, images);
  const splitOf = (image: CubImage) => (lists ? lists.splitOf(image.name) : splitByClass(image));
  const used = images.filter((image) => splitOf(image) !== undefined);
  return {
    name: "cub",
    found: [
      `CUB-200-2011 ${lists ? "in AttnGAN's layout" : "as published"}`,
      `captions from ${captionFolder?.path ?? lists!.captions!.file}`,
      `split ${lists ? "of filenames.pickle" : "by class as in Reed et al. (2016)"}`,
    ].join("; "),
    count: used.length,
    classes,
    tokenizer: "attngan",
    remarks,
    listing: used.map((image) => ({ id: image.id, split: splitOf(image)!, classId: image.classId })),
    ...(lists?.captions && { vocabulary: lists.captions.vocabulary }),
    async *examples() {
      for (const image of used) {
        const { id, name, classId, box } = image;
        const example: Example = {
          ...{ id, split: splitOf(image)!, classId, box },
          ...(captionFolder
            ? await readCaptionFile(captionFolder, `${name}.txt`)
            : lists!.captions!.captionsOf(name)),
          stamp: () => birds.stamp(`images/${id}`),
          read: () => birds.read(`images/${id}`),
        };
        yield example;
      }
    },
  };
}

function splitByClass({ classNumber }: CubImage): Split {
  return TEST_CLASSES.has(classNumber) ? "test" : "train";
}

/**
 * The 50 test classes of Reed et al. (2016), as in `test/filenames.pickle` of StackGAN and AttnGAN, by their
 * numbers in `classes.txt`. They have 2,933 images; the other 150 classes have 8,855. CUB's own
 * `train_test_split.txt` is a different split, within the classes.
 */
// biome-ignore format: one line of numbers is one of the table
export const TEST_CLASSES: ReadonlySet<number> = new Set([
  1, 4, 6, 8, 9, 14, 23, 29, 31, 33, 34, 35, 36, 37, 38, 43, 49, 51, 53, 66, 72, 79, 83, 84, 86, 91, 95, 96, 98,
  101, 102, 103, 112, 114, 119, 121, 130, 135, 138, 147, 156, 163, 165, 166, 180, 183, 185, 186, 187, 197,
]);

/** The folder with the published lists: `given`, or `CUB_200_2011` in it. */
function findBirds(given: DataFolder): DataFolder {
  if (given.hasFile("images.txt")) return given;
  const inside = given.folder("CUB_200_2011");
  if (inside?.hasFile("images.txt")) return inside;
  const packed = given.list().find(({ name }) => /^CUB_200_2011\.(tgz|tar\.gz|tar|zip)$/.test(name));
  if (packed)
    throw new UserError(`${given.at(packed.name)}: is not unpacked. Unpack it in the same folder.`, {
      code: "data.invalid",
    });
  throw new UserError(
    `${given.path}: is not CUB-200-2011: found neither images.txt nor CUB_200_2011/images.txt. ` +
      "Give the folder CUB_200_2011 that CUB_200_2011.tgz unpacks to, or its parent folder.",
    { code: "data.invalid" },
  );
}

/** Checks that the images in AttnGAN's lists are CUB's. Images missing from the lists are skipped. */
function checkLists(given: DataFolder, lists: AttnganLists, images: CubImage[]): void {
  const known = new Map(images.map((image) => [image.name, image]));
  for (const name of lists.names) {
    const image = known.get(name);
    if (!image) {
      throw new UserError(
        `${given.path}: filenames.pickle lists ${quote(name)}, which is not in images.txt. Both must be from CUB-200-2011.`,
        { code: "data.invalid" },
      );
    }
    const classNumber = lists.classOf(name);
    if (classNumber !== undefined && classNumber !== image.classNumber) {
      throw new UserError(
        `${given.path}: ${quote(name)} has class ${classNumber} in class_info.pickle, ` +
          `but ${image.classNumber} in image_class_labels.txt. Both must be from CUB-200-2011.`,
        { code: "data.invalid" },
      );
    }
  }
}
