import { PADDING, quote, UserError, Vocabulary } from "@sdgan/core";
import type { FoundCaptions } from "./caption-files.js";
import { type DataFolder, insidePath } from "./data-folder.js";
import { readPickleList } from "./pickle-list.js";

/** The splits that AttnGAN has lists of. */
const SPLITS = ["train", "test"] as const;
type Split = (typeof SPLITS)[number];

/** What AttnGAN's archives (`birds.zip`, `coco.zip`) say of the images, which they do not have. */
export interface AttnganLists {
  /** Names of the images, without ending, of both splits. */
  names: string[];
  splitOf(name: string): Split | undefined;
  /** AttnGAN's number of the image's class; undefined where `class_info.pickle` is missing. */
  classOf(name: string): number | undefined;
  captions?: AttnganCaptions;
}

/** `captions.pickle`: every caption as words, and the words' numbers, which AttnGAN's text encoders know. */
export interface AttnganCaptions {
  /** Where it is, for messages. */
  file: string;
  vocabulary: Vocabulary;
  captionsOf(name: string): FoundCaptions;
}

/**
 * AttnGAN's lists in `folder`: `{train,test}/filenames.pickle`, `{train,test}/class_info.pickle` and
 * `captions.pickle`, of which the last two may be missing. Undefined where the first ones are not there.
 * Throws a `UserError` when a list is broken, or does not fit the others.
 */
export function findAttnganLists(folder: DataFolder): AttnganLists | undefined {
  const places = new Map<string, ListEntry>();
  const counts = { train: 0, test: 0 };
  const there = SPLITS.filter((split) => folder.hasFile(`${split}/filenames.pickle`));
  if (there.length === 0) return undefined;
  for (const split of SPLITS) {
    const names = readNames(folder, `${split}/filenames.pickle`);
    const classes = readClasses(folder, `${split}/class_info.pickle`, names.length);
    counts[split] = names.length;
    for (const [index, name] of names.entries()) {
      if (places.has(name)) {
        throw new UserError(
          `${folder.at(`${split}/filenames.pickle`)}: ${quote(name)} is there twice, or in both splits; ` +
            "expected every image once",
          { code: "data.invalid" },
        );
      }
      places.set(name, { split, index, classId: classes?.[index] });
    }
  }
  const captions = folder.hasFile(CAPTIONS) ? readCaptions(folder, places, counts) : undefined;
  return {
    names: [...places.keys()],
    splitOf: (name) => places.get(name)?.split,
    classOf: (name) => places.get(name)?.classId,
    ...(captions && { captions }),
  };
}

/** The vocabulary of AttnGAN's `captions.pickle`. Throws a `UserError` when it is none. */
export function readAttnganVocabulary(folder: DataFolder, path: string): Vocabulary {
  return vocabularyOf(folder.at(path), readPickleList(folder, path));
}

/** Where an image stands in the lists. */
interface ListEntry {
  split: Split;
  index: number;
  classId: number | undefined;
}

const CAPTIONS = "captions.pickle";

function readNames(folder: DataFolder, path: string): string[] {
  return readPickleList(folder, path).map((name, index) => {
    const inside = typeof name === "string" ? insidePath(name) : undefined;
    if (inside !== undefined) return inside;
    const found = typeof name === "string" ? quote(name) : typeof name;
    throw new UserError(
      `${folder.at(path)}: entry ${index} is ${found}; expected an image's name, inside the folder`,
      { code: "data.invalid" },
    );
  });
}

function readClasses(folder: DataFolder, path: string, count: number): number[] | undefined {
  if (!folder.hasFile(path)) return undefined;
  const classes = readPickleList(folder, path);
  if (classes.length === count && classes.every(isWhole)) return classes;
  const found = classes.every(isWhole) ? `${classes.length} numbers` : "other things";
  throw new UserError(
    `${folder.at(path)}: holds ${found}; expected ${count} class numbers, as many as filenames.pickle has names`,
    { code: "data.invalid" },
  );
}

/** `[captions of train, captions of test, number → word, word → number]`; an image's captions stand together. */
function readCaptions(
  folder: DataFolder,
  places: Map<string, ListEntry>,
  counts: Record<Split, number>,
): AttnganCaptions {
  const file = folder.at(CAPTIONS);
  const content = readPickleList(folder, CAPTIONS);
  const vocabulary = vocabularyOf(file, content);
  const lists = { train: content[0], test: content[1] };
  const perImage = SPLITS.map((split) => {
    const list = lists[split];
    const each = Array.isArray(list) ? list.length / counts[split] : Number.NaN;
    if (Number.isInteger(each) && each > 0) return each;
    const found = Array.isArray(list) ? `${list.length} captions` : "no list of captions";
    throw new UserError(
      `${file}: has ${found} for the ${counts[split]} images of ${split}/filenames.pickle; ` +
        "expected as many for each image. The two are not of one data set.",
      { code: "data.invalid" },
    );
  });
  const textOf = (caption: unknown): string | undefined => {
    if (!Array.isArray(caption)) return undefined;
    const words = caption.map((token) => (isWhole(token) ? vocabulary.words[token] : undefined));
    return words.includes(undefined) ? undefined : words.join(" ");
  };
  return {
    file,
    vocabulary,
    captionsOf: (name) => {
      const { split, index } = places.get(name)!;
      const each = perImage[SPLITS.indexOf(split)]!;
      const texts = (lists[split] as unknown[]).slice(index * each, (index + 1) * each).map(textOf);
      const captions = texts.flatMap((text) => (text === undefined ? [] : { text }));
      if (captions.length === texts.length) return { captions };
      return { captions: [], broken: `its captions: ${file}: a number in them is no word's` };
    },
  };
}

function vocabularyOf(file: string, content: unknown[]): Vocabulary {
  const refuse = (found: string): never => {
    throw new UserError(
      `${file}: ${found}; expected AttnGAN's [captions to train on, captions to test on, ` +
        `number → word, word → number], with word 0 "${PADDING}"`,
      { code: "data.invalid" },
    );
  };
  const [, , wordOf, numberOf] = content;
  if (content.length !== 4 || !(wordOf instanceof Map) || !(numberOf instanceof Map)) {
    return refuse("is a list of other things");
  }
  const words = Array.from({ length: wordOf.size }, (_, number) => wordOf.get(number));
  const hole = words.findIndex((word) => typeof word !== "string");
  if (hole >= 0) return refuse(`has ${words.length} words, but none with the number ${hole}`);
  if (words[0] !== PADDING) return refuse(`word 0 is ${quote(words[0])}`);
  const wrong = words.findIndex((word, number) => numberOf.get(word) !== number);
  if (wrong >= 0) return refuse(`word ${wrong}, ${quote(words[wrong])}, has another number`);
  return new Vocabulary(words, "attngan");
}

/** Nothing else that a pickle may hold is made into a number or a text: that alone can take forever. */
function isWhole(value: unknown): value is number {
  return Number.isInteger(value);
}
