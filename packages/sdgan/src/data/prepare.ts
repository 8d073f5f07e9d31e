import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { tokenizers, UserError } from "@sdgan/core";
import { checksum } from "@sdgan/images";
import sharp from "sharp";
import { AtomicFolder, unwritable } from "./atomic-folder.js";
import { checkBackground } from "./background.js";
import { complete } from "./complete.js";
import { type Example, type Source, tokenizerOf } from "./dataset.js";
import { RefusedImage, toPixels } from "./decode-image.js";
import type { Duplicates } from "./duplicates.js";
import { FORMAT, type Summary, sumOfSplits, VERSION } from "./format.js";
import { digestOf, Journal, type JournalRecord } from "./journal.js";
import { type LostWords, watchLostWords } from "./lost-words.js";
import { noImage } from "./no-image.js";
import { type Note, Remarks, type Unused } from "./remarks.js";
import { cutTest, cutValidation, type SetAside, validationShare } from "./validation.js";
import { verifyPrepared } from "./verify.js";

export interface PrepareOptions {
  /** The folder to create, or to replace if it is a prepared folder. */
  out: string;
  /** Side of the images that a model will generate, in pixels. */
  size: number;
  /** Store images larger by a factor of 76/64, as AttnGAN does, for random crops in training. */
  margin?: boolean;
  /** Share of the training images that becomes `val`, if the source has no validation split; 0: none. */
  val?: number;
  /** CSS colour behind transparent images and around images that are not square. */
  background?: string;
  /**
   * Of images whose prepared pixels are identical, keeps only the first in the order test, val, train. Captions
   * of removed images of the same split are added to those of the image that is kept.
   */
  dedupe?: boolean;
  /** Number of images decoded in parallel. It does not affect the result. */
  concurrency?: number;
  /** Called before the first image is converted, if there was unfinished work. */
  onResume?: (resumed: Resumed) => void;
  /** Called after each image; `done` is the number of images kept so far. */
  onProgress?: (progress: { done: number; skipped: number }) => void;
  /** Called after each image in the final verification. */
  onVerify?: (progress: { done: number; total: number }) => void;
  /** Stops the work; what is done is kept for the next `prepare` with the same source and options. */
  signal?: AbortSignal;
}

/** How much of the unfinished work is reused. */
export interface Resumed {
  /** Images already processed, including the skipped ones. */
  images: number;
  /** Why not everything is reused: the options have changed, or the source or its splits from there on. */
  because?: "options" | "source";
}

export interface PrepareSummary extends Omit<Summary, "skipped"> {
  out: string;
  /** The skipped images, with the reasons. */
  skipped: { id: string; reason: string }[];
  /** What else the source found and does not use: files, rows, columns. */
  unused: Unused[];
  /** What was read in an unusual way. */
  notes: Note[];
  /** What was set aside for testing; absent if the source has a test split, or too few images. */
  setAside?: SetAside;
  /** How many classes the training images are of. DAMSM needs two, since it compares captions of different classes. */
  trainingClasses: number;
  /** Number of known words → number of captions with as many. A model reads the first `data.maxWords`. */
  captionLengths: Record<number, number>;
  /** What the tokenizer drops from the captions; undefined if nothing. */
  lostWords: LostWords | undefined;
  /** Images with identical pixels that are in the data: none across splits and within splits with `dedupe`. */
  duplicates: Duplicates;
}

/** `prepare` rejects with this error when its signal stopped it. */
export class Interrupted extends UserError {
  override name = "Interrupted";

  constructor(message: string) {
    super(message, { code: "interrupted" });
  }
}

/**
 * Converts all examples of a source to a prepared folder (see `format.ts`). Images that cannot be read and
 * images without a caption with words are skipped and reported. Words that occur only in test captions count
 * as unknown, unless there are only test captions. The same source gives the same bytes, even if the work was
 * interrupted or killed and then continued (see `journal.ts`). The result is verified before it replaces the
 * folder at `out`.
 * Rejects with a `UserError` when the background is not an opaque colour, when no image can be used or when
 * `out` cannot be written; after any failure, the previous folder at `out` is unchanged.
 */
export async function prepare(given: Source, options: PrepareOptions): Promise<PrepareSummary> {
  if (options.background !== undefined) await checkBackground(options.background);
  const { source: tested, setAside } = cutTest(given);
  // What training compares with each other needs two images; a split of the data's own is not changed for that.
  const keep = setAside ? 2 : 1;
  const { source, lostWords } = watchLostWords(
    cutValidation(tested, options.val ?? validationShare, { keep }),
  );
  const place = new AtomicFolder(options.out);
  try {
    const { size, margin = true, background = "white", dedupe = false, onVerify, signal } = options;
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
    if (sumOfSplits(journal.images) === 0) throw noImage(source, journal, lostWords());
    const remarks = source.remarks ?? new Remarks();
    const { summary, ...completed } = await complete(
      place.partial,
      source,
      journal,
      { size, storedSize },
      { dedupe, remarks },
    );
    await verifyPrepared(place.partial, { ...(onVerify && { onProgress: onVerify }), signal });
    journal.remove();
    place.finish();
    return {
      ...{ out: place.out, ...summary, ...completed },
      ...{ unused: remarks.unusedGroups, notes: remarks.notes, lostWords: lostWords() },
      ...(setAside && { setAside }),
    };
  } catch (error) {
    if (options.signal?.aborted) {
      place.suspend();
      throw new Interrupted(
        `${place.out}: interrupted. The finished part is kept in ${place.partial}; the same command continues from there.`,
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

/** Converts the examples that are not yet in the journal, in the source's order. */
async function convertAll(
  source: Source,
  journal: Journal,
  options: PrepareOptions,
  storage: StorageOptions,
) {
  const { concurrency = Math.max(8, 2 * availableParallelism()), onResume, onProgress, signal } = options;
  const words = wordsOf(source);
  const reportProgress = () => onProgress?.({ done: sumOfSplits(journal.images), skipped: journal.skipped });
  // sharp's cache would only use memory: no image is read twice.
  sharp.cache(false);
  // Pixel buffers are reused: new ones would keep the garbage collector busy.
  const buffers: Buffer[] = [];
  const converted = ahead(remaining(source, journal, onResume), concurrency, async (example) => {
    const pixels = buffers.pop() ?? Buffer.alloc(storage.storedSize ** 2 * 3);
    return { record: await convert(example, words, storage, pixels), pixels };
  });
  for await (const { record, pixels } of converted) {
    journal.add(record, pixels);
    buffers.push(pixels);
    reportProgress();
    signal?.throwIfAborted();
  }
}

/** The examples that are not in the journal. */
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

/** Converts an example. If it is not skipped, its image is written to `pixels`. */
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
  const captions = example.captions.filter(({ text }) => words.occurIn(text));
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
    if (error instanceof RefusedImage) return skip(oneLine(error.message));
    return skip(`is not an image, or is broken (${oneLine((error as Error).message)})`);
  }
  const image = {
    ...{ id, split, classId, ...(attributes && { attributes }), captions },
    emptyCaptions: example.captions.length - captions.length,
    xxh64: checksum(pixels),
  };
  return { example: digest, image };
}

/** The words that count as known. */
interface Words {
  occurIn(text: string): boolean;
  /** Describes them in messages. */
  which: string;
}

function wordsOf(source: Source): Words {
  const { vocabulary } = source;
  if (vocabulary)
    return { occurIn: (text) => vocabulary.encode(text).length > 0, which: "of the vocabulary" };
  const { hasWords, of } = tokenizers[tokenizerOf(source)];
  return { occurIn: hasWords, which: of };
}

/** Yields the results of `work` in the order of `items`, with at most `count` in progress at a time. */
async function* ahead<T, R>(items: AsyncIterable<T>, count: number, work: (item: T) => Promise<R>) {
  const inProgress: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // It is awaited below; an earlier rejection must not count as unhandled.
      result.catch(() => {});
      inProgress.push(result);
      if (inProgress.length >= count) yield await inProgress.shift()!;
    }
    while (inProgress.length > 0) yield await inProgress.shift()!;
  } finally {
    await Promise.allSettled(inProgress);
  }
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}

function oneLine(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > LONGEST_REASON ? `${line.slice(0, LONGEST_REASON)}…` : line;
}

/** In characters. Decoders quote the content of a broken image. */
const LONGEST_REASON = 200;
