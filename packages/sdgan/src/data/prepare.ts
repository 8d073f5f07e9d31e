import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { tokenize } from "../text/tokens.js";
import { Vocabulary } from "../text/vocabulary.js";
import { contactSheet } from "./contact-sheet.js";
import type { Caption, Example, Source, Split } from "./dataset.js";
import { FILES, FORMAT, type Index, type PreparedPicture, SPLITS, VERSION } from "./format.js";
import { toPixels } from "./picture.js";
import { Place, unwritable } from "./place.js";
import { openPrepared, type PreparedSplit } from "./prepared.js";

export interface PrepareOptions {
  /** The folder to make, or to replace if it is a prepared folder. */
  out: string;
  /** Side of the pictures that a model is to draw, in pixels. */
  size: number;
  /** Store pictures larger by 76/64, as AttnGAN does, so that training can crop at random. */
  margin?: boolean;
  /** What fills and shines through see-through pictures: a colour as CSS names it. */
  background?: string;
  /** How many pictures are decoded at a time. The result does not depend on it. */
  concurrency?: number;
  /** Called after each picture; `done` counts those that are kept. */
  onProgress?: (progress: { done: number; skipped: number }) => void;
}

export interface PrepareSummary {
  out: string;
  /** Pictures in each split. */
  pictures: Record<Split, number>;
  captions: number;
  /** Size of the vocabulary, padding included. */
  words: number;
  /** Pictures that were left out, and why. */
  skipped: { id: string; reason: string }[];
  /** Captions without a word in Latin letters, left out of pictures that have others. */
  emptyCaptions: number;
}

/**
 * Makes a prepared folder (see `format.ts`) of everything that `source` has. A picture that cannot be read, or
 * that has no words, is left out and told of. The same source gives the same bytes.
 * Rejects with a `UserError` when no picture can be used or when `out` cannot be written; whatever fails, what
 * was at `out` before stays.
 */
export async function prepare(source: Source, options: PrepareOptions): Promise<PrepareSummary> {
  const place = new Place(options.out);
  try {
    const { size, margin = true } = options;
    const storedSize = margin ? Math.round((size * 76) / 64) : size;
    const { kept, ...left } = await writePixels(source, place, storedSize, options);
    const { vocabulary, pictures } = encodeCaptions(kept);
    const { name, classes, attributes } = source;
    const index: Index = {
      ...{ format: FORMAT, version: VERSION, source: name, size, storedSize, classes },
      ...(attributes && { attributes }),
      pictures,
    };
    await complete(place, index, vocabulary);
    place.finish();
    return {
      out: place.out,
      pictures: { train: pictures.train.length, test: pictures.test.length },
      captions: SPLITS.flatMap((split) => pictures[split]).reduce(
        (sum, { captions }) => sum + captions.length,
        0,
      ),
      words: vocabulary.size,
      ...left,
    };
  } catch (error) {
    place.abandon();
    throw error;
  }
}

type Kept = Record<Split, Example[]>;

/** Writes the pixels of every picture that can be used, in the source's order. */
async function writePixels(source: Source, place: Place, storedSize: number, options: PrepareOptions) {
  const { background = "white", concurrency = 8, onProgress } = options;
  const kept: Kept = { train: [], test: [] };
  const skipped: PrepareSummary["skipped"] = [];
  let emptyCaptions = 0;
  const files = { train: await create(place, "train"), test: await create(place, "test") };
  try {
    const decoded = ahead(source.examples(), concurrency, (example) =>
      decode(example, storedSize, background),
    );
    for await (const { example, pixels, reason } of decoded) {
      if (pixels === undefined) {
        skipped.push({ id: example.id, reason });
      } else {
        await append(files[example.split], pixels, place);
        const captions = example.captions.filter(hasWords);
        kept[example.split].push({ ...example, captions });
        emptyCaptions += example.captions.length - captions.length;
      }
      onProgress?.({ done: kept.train.length + kept.test.length, skipped: skipped.length });
    }
  } finally {
    await Promise.all(SPLITS.map((split) => files[split].close()));
  }
  if (kept.train.length + kept.test.length === 0) {
    const why = skipped[0]
      ? `all ${skipped.length} were left out; the first, ${skipped[0].id}: ${skipped[0].reason}`
      : "";
    throw new UserError(`${source.name}: no picture can be used: ${why || "the source has none"}.`);
  }
  return { kept, skipped, emptyCaptions };
}

type Decoded = { example: Example } & (
  | { pixels: Buffer; reason?: never }
  | { pixels?: never; reason: string }
);

async function decode(example: Example, storedSize: number, background: string): Promise<Decoded> {
  if (!example.captions.some(hasWords))
    return { example, reason: "has no caption with a word in Latin letters" };
  let encoded: Buffer;
  try {
    encoded = await example.read();
  } catch (error) {
    if (error instanceof UserError) return { example, reason: error.message };
    throw error;
  }
  try {
    return { example, pixels: await toPixels(encoded, storedSize, background) };
  } catch (error) {
    return { example, reason: `is no picture, or a broken one (${oneLine((error as Error).message)})` };
  }
}

/** The vocabulary is of both splits' captions, as AttnGAN's is: a word that only test captions use is known, but untrained. */
function encodeCaptions(kept: Kept) {
  const all = SPLITS.flatMap((split) => kept[split]).flatMap(({ captions }) => captions);
  const vocabulary = Vocabulary.build(all.map(({ text }) => text));
  const encode = ({ id, classId, attributes, captions }: Example): PreparedPicture => ({
    ...{ id, classId },
    ...(attributes && { attributes }),
    captions: captions.map(({ text, names }) => ({
      ...{ text, tokens: vocabulary.encode(text) },
      ...(names && { names }),
    })),
  });
  return { vocabulary, pictures: { train: kept.train.map(encode), test: kept.test.map(encode) } };
}

/** Writes everything but the pixels, and reads it all back. */
async function complete(place: Place, index: Index, vocabulary: Vocabulary): Promise<void> {
  const dir = place.partial;
  try {
    await writeFile(join(dir, FILES.index), JSON.stringify(index));
    vocabulary.save(join(dir, FILES.vocabulary));
    const prepared = openPrepared(dir);
    const { train, test } = prepared.splits;
    const sheet = await contactSheet([...spread(train, 72), ...spread(test, 24)], index.storedSize);
    prepared.close();
    await writeFile(join(dir, FILES.contactSheet), sheet);
  } catch (error) {
    throw unwritable(place.out, error);
  }
}

/** Copies of at most `count` pictures, evenly spread over a split. */
function spread({ pictures, pixels }: PreparedSplit, count: number): Uint8Array[] {
  const n = Math.min(count, pictures.length);
  return Array.from({ length: n }, (_, i) => pixels(Math.floor((i * pictures.length) / n)).slice());
}

async function create(place: Place, split: Split): Promise<FileHandle> {
  const file = open(join(place.partial, FILES.pixels[split]), "wx");
  return file.catch((error) => Promise.reject(unwritable(place.out, error)));
}

async function append(file: FileHandle, pixels: Buffer, place: Place): Promise<void> {
  // Unlike `write`, `appendFile` goes on until everything is written.
  await file.appendFile(pixels).catch((error) => Promise.reject(unwritable(place.out, error)));
}

/** The results of `work`, in the order of `items`, with at most `count` of them under way at a time. */
async function* ahead<T, R>(items: AsyncIterable<T>, count: number, work: (item: T) => Promise<R>) {
  const underWay: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // It is awaited below, in its turn: if it fails before that, nobody else need hear of it.
      result.catch(() => {});
      underWay.push(result);
      if (underWay.length >= count) yield await underWay.shift()!;
    }
    while (underWay.length > 0) yield await underWay.shift()!;
  } finally {
    await Promise.allSettled(underWay);
  }
}

function hasWords({ text }: Caption): boolean {
  return tokenize(text).length > 0;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
