import { quote, UserError } from "@sdgan/core";
import { findCaptionFolder, missingCaptions, readCaptionFile } from "./caption-files.js";
import { DataFolder } from "./data-folder.js";
import type { Example, Source, Split } from "./dataset.js";
import { Remarks } from "./remarks.js";

export interface FlowersOptions {
  /** The folder of the captions, if they are neither in the data's folder nor next to it. */
  text?: string;
}

/**
 * Oxford-102 (Nilsback and Zisserman, 2008): 8,189 images of 102 classes of flowers in `jpg`, with ten
 * captions each by Reed et al. (2016) in `text_c10/class_00001/image_06734.txt`. A caption file's folder is
 * the image's class. The split is by class: that of Reed et al.'s `trainvalclasses.txt` and `testclasses.txt`
 * (82 and 20 classes), if they are in the data's folder or next to the captions. Otherwise every fifth class
 * is a test class, which also gives 82 and 20 classes, but different ones.
 * Throws a `UserError` when a list or folder is missing or broken; a single broken image or caption file is
 * skipped.
 */
export function flowers(path: string, { text }: FlowersOptions = {}): Source {
  const remarks = new Remarks();
  const given = new DataFolder(path, "Give the folder of Oxford-102, the one with jpg/.", remarks);
  if (!given.folder("jpg")) {
    throw new UserError(
      `${given.at("jpg")}: no such folder. Give the folder that 102flowers.tgz is unpacked in; it contains the images in jpg/.`,
      { code: "file.missing" },
    );
  }
  const parent = new DataFolder(given.at(".."), "", remarks);
  const captionFolder = findCaptionFolder([given, parent], text);
  if (!captionFolder) throw missingCaptions(path, [given, parent]);

  const images = listImages(captionFolder);
  const classes = [...new Set(images.map(({ className }) => className))];
  const classIds = new Map(classes.map((name, id) => [name, id]));
  const lists = readClassLists([given, new DataFolder(captionFolder.at(".."), "", remarks)]);
  const splitOf = lists ? splitByLists(lists, classes) : splitByRule(classes);
  const used = images.filter(({ className }) => splitOf.has(className));
  const listing = used.map(({ name, className }) => ({
    ...{ id: `${name}.jpg`, split: splitOf.get(className)!, classId: classIds.get(className)! },
  }));
  return {
    name: "flowers",
    found: `Oxford-102; captions from ${captionFolder.path}; split by class${lists ? ` as in ${lists.found}` : ", every fifth class for testing"}`,
    count: used.length,
    classes,
    tokenizer: "attngan",
    remarks,
    listing,
    async *examples() {
      for (const [i, { name, className }] of used.entries()) {
        const example: Example = {
          ...listing[i]!,
          ...(await readCaptionFile(captionFolder, `${className}/${name}.txt`)),
          stamp: () => given.stamp(`jpg/${name}.jpg`),
          read: () => given.read(`jpg/${name}.jpg`),
        };
        yield example;
      }
    },
  };
}

interface Flower {
  /** File name of its image and its captions, without extension. */
  name: string;
  className: string;
}

/** All caption files, with the class of each. */
function listImages(captions: DataFolder): Flower[] {
  const classOf = new Map<string, string>();
  for (const { name: className, isFolder } of captions.list()) {
    if (!isFolder) continue;
    for (const { name: file } of captions.list(className)) {
      if (!file.endsWith(".txt")) continue;
      const name = file.slice(0, -".txt".length);
      const other = classOf.get(name);
      if (other !== undefined) {
        throw new UserError(
          `${captions.path}: ${quote(name)} is in ${quote(other)} and in ${quote(className)}`,
          { code: "data.invalid" },
        );
      }
      classOf.set(name, className);
    }
  }
  if (classOf.size > 0) return [...classOf].map(([name, className]) => ({ name, className }));
  throw new UserError(
    `${captions.path}: has no captions; expected one folder per class with one file per image, ` +
      "such as class_00001/image_06734.txt",
    { code: "data.invalid" },
  );
}

/** Reed et al.'s lists of classes, from the first folder that has them. */
function readClassLists(places: DataFolder[]) {
  const place = places.find((place) => Object.values(LISTS).every((list) => place.hasFile(list)));
  if (!place) return undefined;
  const read = (list: string) => place.readTextList(list).split(/\s+/).filter(Boolean);
  return { found: place.at(LISTS.test), place, train: read(LISTS.train), test: read(LISTS.test) };
}

const LISTS = { train: "trainvalclasses.txt", test: "testclasses.txt" };

/** Classes that are not in the lists are in no split. */
function splitByLists(
  { place, train, test }: NonNullable<ReturnType<typeof readClassLists>>,
  classes: string[],
): Map<string, Split> {
  const both = train.find((name) => test.includes(name));
  if (both !== undefined)
    throw new UserError(`${place.at(LISTS.test)}: ${quote(both)} is in ${LISTS.train} too`, {
      code: "data.invalid",
    });
  if (![...train, ...test].some((name) => classes.includes(name))) {
    throw new UserError(
      `${place.at(LISTS.test)}: none of its classes or of those in ${LISTS.train} has captions; expected names such as ${quote(classes[0]!)}`,
      { code: "data.invalid" },
    );
  }
  return new Map([
    ...train.map((name): [string, Split] => [name, "train"]),
    ...test.map((name): [string, Split] => [name, "test"]),
  ]);
}

/** The 5th, 10th, … class is a test class. */
function splitByRule(classes: string[]): Map<string, Split> {
  return new Map(classes.map((name, index) => [name, index % 5 === 4 ? "test" : "train"]));
}
