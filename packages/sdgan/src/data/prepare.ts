import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { tokenizers, UserError } from "@sdgan/core";
import { checksum } from "@sdgan/images";
import sharp from "sharp";
import { AtomicFolder, unwritable } from "./atomic-folder.js";
import { complete } from "./complete.js";
import { type Example, type Source, tokenizerOf } from "./dataset.js";
import { toPixels } from "./decode-image.js";
import { FORMAT, type Summary, sumOfSplits, VERSION } from "./format.js";
import { digestOf, Journal, type JournalRecord } from "./journal.js";
import { cutValidation, validationShare } from "./validation.js";
import { verifyPrepared } from "./verify.js";

export interface PrepareOptions {
  /** The folder to make, or to replace if it is a prepared folder. */
  out: string;
  /** Side of the images that a model is to draw, in pixels. */
  size: number;
  /** Store images larger by 76/64, as AttnGAN does, so that training can crop at random. */
  margin?: boolean;
  /** Share of the images to train on that become `val`, where the source has none of its own; 0: none. */
  val?: number;
  /** What fills and shines through see-through images: a colour as CSS names it. */
  background?: string;
  /** How many images are decoded at a time. The result does not depend on it. */
  concurrency?: number;
  /** Called before the first image is converted, where there was unfinished work. */
  onResume?: (resumed: Resumed) => void;
  /** Called after each image; `done` counts those that are kept. */
  onProgress?: (progress: { done: number; skipped: number }) => void;
  /** Called after each image that is read back, when all are written. */
  onVerify?: (progress: { done: number; total: number }) => void;
  /** Ends the work; what is done is kept for the next `prepare` of the same source and options. */
  signal?: AbortSignal;
}

/** What unfinished work was good for. */
export interface Resumed {
  /** Images that are done already, those that were left out among them. */
  images: number;
  /** Why there are not more: it was made with other options, or the source or its splits have changed from there on. */
  because?: "options" | "source";
}

export interface PrepareSummary extends Omit<Summary, "skipped"> {
  out: string;
  /** Images that were left out, and why. */
  skipped: { id: string; reason: string }[];
}

/** What `prepare` rejects with when its signal ended it. */
export class Interrupted extends UserError {
  override name = "Interrupted";

  constructor(message: string) {
    super(message, { code: "interrupted" });
  }
}

/**
 * Makes a prepared folder (see `format.ts`) of everything that `source` has. An image that cannot be read, or
 * that has no words, is left out and told of. Words that only captions to test on have count
 * as unknown, unless there are no others. The same source gives the same bytes, also when the work was
 * interrupted, even killed, and gone on with (see `journal.ts`); everything is read back before it is in place.
 * Rejects with a `UserError` when no image can be used or when `out` cannot be written; whatever fails, what
 * was at `out` before stays.
 */
export async function prepare(given: Source, options: PrepareOptions): Promise<PrepareSummary> {
  const source = cutValidation(given, options.val ?? validationShare);
  const place = new AtomicFolder(options.out);
  try {
    const { size, margin = true, background = "white", onVerify, signal } = options;
    const storedSize = margin ? Math.round((size * 76) / 64) : size;
    const { name, vocabulary } = source;
    const settings = {
      ...{ format: FORMAT, version: VERSION, source: name, storedSize, background },
      tokenizer: tokenizerOf(source),
      ...(vocabulary && { vocabulary: hash(vocabulary.words) }),
      decoders: hash(sharp.versions),
    };
    using journal = new Journal(place.partial, settings, storedSize * storedSize * 3);
    await convertAll(source, journal, options, { storedSize, background });
    if (sumOfSplits(journal.images) === 0) throw noImage(source, journal);
    const { summary, skipped } = await complete(place.partial, source, journal, { size, storedSize });
    await verifyPrepared(place.partial, { ...(onVerify && { onProgress: onVerify }), signal });
    journal.remove();
    place.finish();
    return { out: place.out, ...summary, skipped };
  } catch (error) {
    if (options.signal?.aborted) {
      place.suspend();
      throw new Interrupted(
        `${place.out}: interrupted. What is done is kept in ${place.partial}: the same command goes on there.`,
      );
    }
    place.abandon();
    throw unwritable(place.out, error);
  }
}

interface StorageOptions {
  storedSize: number;
  background: string;
}

/** Converts what the journal does not have yet, in the source's order. */
async function convertAll(source: Source, journal: Journal, options: PrepareOptions, look: StorageOptions) {
  const { concurrency = Math.max(8, 2 * availableParallelism()), onResume, onProgress, signal } = options;
  const words = wordsOf(source);
  const tell = () => onProgress?.({ done: sumOfSplits(journal.images), skipped: journal.skipped });
  // Kept results of the library's would only take memory: no image comes twice.
  sharp.cache(false);
  // Room for pixels is used again and again: taking it anew would keep the garbage collector busy.
  const room: Buffer[] = [];
  const converted = ahead(remaining(source, journal, onResume), concurrency, async (example) => {
    const pixels = room.pop() ?? Buffer.alloc(look.storedSize ** 2 * 3);
    return { record: await convert(example, words, look, pixels), pixels };
  });
  for await (const { record, pixels } of converted) {
    journal.add(record, pixels);
    room.push(pixels);
    tell();
    signal?.throwIfAborted();
  }
}

/** The examples that the journal does not have. */
async function* remaining(
  source: Source,
  journal: Journal,
  onResume: PrepareOptions["onResume"],
): AsyncGenerator<Example> {
  let replaying = true;
  const begin = () => {
    replaying = false;
    const changed = journal.begin();
    const images = sumOfSplits(journal.images) + journal.skipped;
    const because = journal.startedAnew ? "options" : changed ? "source" : undefined;
    if (images > 0 || because) onResume?.({ images, ...(because && { because }) });
  };
  for await (const example of source.examples()) {
    if (replaying && !journal.replay(await digestOf(example))) begin();
    if (!replaying) yield example;
  }
  if (replaying) begin();
}

/** What becomes of an example; its image, where it has one, is in `pixels` then. */
async function convert(
  example: Example,
  words: Words,
  { storedSize, background }: StorageOptions,
  pixels: Buffer,
): Promise<JournalRecord> {
  const { id, split, classId, attributes, box } = example;
  const digest = await digestOf(example);
  const skip = (reason: string): JournalRecord => ({ example: digest, skipped: { id, reason } });
  if (example.broken !== undefined) return skip(example.broken);
  const captions = example.captions.filter(({ text }) => words.areIn(text));
  if (captions.length === 0) return skip(`has no caption with a word ${words.which}`);
  let encoded: Buffer;
  try {
    encoded = await example.read();
  } catch (error) {
    if (error instanceof UserError) return skip(error.message);
    throw error;
  }
  try {
    await toPixels(encoded, { size: storedSize, background, ...(box && { box }) }, pixels);
  } catch (error) {
    return skip(`is no image, or a broken one (${oneLine((error as Error).message)})`);
  }
  const image = {
    ...{ id, split, classId, ...(attributes && { attributes }), captions },
    emptyCaptions: example.captions.length - captions.length,
    xxh64: checksum(pixels),
  };
  return { example: digest, image };
}

/** The words that a model would know. */
interface Words {
  areIn(text: string): boolean;
  /** For messages. */
  which: string;
}

function wordsOf(source: Source): Words {
  const { vocabulary } = source;
  if (vocabulary) return { areIn: (text) => vocabulary.encode(text).length > 0, which: "of the vocabulary" };
  const { hasWords, of } = tokenizers[tokenizerOf(source)];
  return { areIn: hasWords, which: of };
}

function noImage({ name }: Source, journal: Journal): UserError {
  const first = journal.records().next().value?.skipped;
  const why = first
    ? `all ${journal.skipped} were left out; the first, ${first.id}: ${first.reason}`
    : "the source has none";
  return new UserError(`${name}: no image can be used: ${why}.`, { code: "data.invalid" });
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

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
