import { PADDING, quote, UserError, Vocabulary } from "@sdgan/core";
import type { FoundCaptions } from "./caption-files.js";
import { type DataFolder, insidePath } from "./data-folder.js";
import { readPickleList } from "./pickle-list.js";

/** The splits of AttnGAN's lists. */
const SPLITS = ["train", "test"] as const;
type Split = (typeof SPLITS)[number];

/** The lists in AttnGAN's archives (`birds.zip`, `coco.zip`), which do not contain the images. */
export interface AttnganLists {
  /** Names of the images of both splits, without extension. */
  names: string[];
  splitOf(name: string): Split | undefined;
  /** AttnGAN's number of the image's class; undefined if `class_info.pickle` is missing. */
  classOf(name: string): number | undefined;
  captions?: AttnganCaptions;
}

/** `captions.pickle`: the captions as token numbers, and the vocabulary of AttnGAN's text encoders. */
export interface AttnganCaptions {
  /** Its path, for messages. */
  file: string;
  vocabulary: Vocabulary;
  captionsOf(name: string): FoundCaptions;
}

/**
 * Reads AttnGAN's lists in `folder`: `{train,test}/filenames.pickle`, `{train,test}/class_info.pickle` and
 * `captions.pickle`. The last two may be missing. Undefined if there is no `filenames.pickle`.
 * Throws a `UserError` when a list is broken or does not match the others.
 */
export function findAttnganLists(folder: DataFolder): AttnganLists | undefined {
  const places = new Map<string, ListEntry>();
  const counts = { train: 0, test: 0 };
  const existing = SPLITS.filter((split) => folder.hasFile(`${split}/filenames.pickle`));
  if (existing.length === 0) return undefined;
  for (const split of SPLITS) {
    const names = readNames(folder, `${split}/filenames.pickle`);
    const classes = readClasses(folder, `${split}/class_info.pickle`, names.length);
    counts[split] = names.length;
    for (const [index, name] of names.entries()) {
      if (places.has(name)) {
        throw new UserError(
          `${folder.at(`${split}/filenames.pickle`)}: ${quote(name)} is listed twice, or in both splits; ` +
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

/**
 * Reads the vocabulary of AttnGAN's `captions.pickle`. Throws a `UserError` when the file is something else.
 */
export function readAttnganVocabulary(folder: DataFolder, path: string): Vocabulary {
  return vocabularyOf(folder.at(path), readPickleList(folder, path));
}

/** An image's entry in the lists. */
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
  const found = classes.every(isWhole) ? `${classes.length} numbers` : "entries that are not whole numbers";
  throw new UserError(
    `${folder.at(path)}: contains ${found}; expected ${count} class numbers, one per name in filenames.pickle`,
    { code: "data.invalid" },
  );
}

/** `[train captions, test captions, number → word, word → number]`; an image's captions are consecutive. */
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
        "expected the same number for each image. The two files are not from the same data set.",
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
      return {
        captions: [],
        broken: `its captions: ${file}: contains a number that is not in the vocabulary`,
      };
    },
  };
}

function vocabularyOf(file: string, content: unknown[]): Vocabulary {
  const refuse = (found: string): never => {
    throw new UserError(
      `${file}: ${found}; expected AttnGAN's [training captions, test captions, ` +
        `number → word, word → number], with word 0 "${PADDING}"`,
      { code: "data.invalid" },
    );
  };
  const [, , wordOf, numberOf] = content;
  if (content.length !== 4 || !(wordOf instanceof Map) || !(numberOf instanceof Map)) {
    return refuse("is a list with another structure");
  }
  const words = Array.from({ length: wordOf.size }, (_, number) => wordOf.get(number));
  const hole = words.findIndex((word) => typeof word !== "string");
  if (hole >= 0) return refuse(`has ${words.length} words, but no word with the number ${hole}`);
  if (words[0] !== PADDING) return refuse(`word 0 is ${quote(words[0])}`);
  const wrong = words.findIndex((word, number) => numberOf.get(word) !== number);
  if (wrong >= 0) return refuse(`word ${wrong}, ${quote(words[wrong])}, has another number in word → number`);
  return new Vocabulary(words, "attngan");
}

/**
 * Other values from a pickle are never converted to numbers or text: the conversion alone could take forever.
 */
function isWhole(value: unknown): value is number {
  return Number.isInteger(value);
}
