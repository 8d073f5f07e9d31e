import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PADDING, tokenize, Vocabulary } from "@sdgan/core";
import { onDisk } from "../util/system-errors.js";
import { contactSheet } from "./contact-sheet.js";
import type { Source } from "./dataset.js";
import {
  FILES,
  FORMAT,
  forEachSplit,
  type Index,
  type PreparedImage,
  type Summary,
  VERSION,
} from "./format.js";
import type { Journal, JournalRecord, KeptImage } from "./journal.js";
import { LineWriter } from "./lines.js";
import { openPrepared } from "./prepared.js";

/**
 * Writes everything of a prepared folder but the pixels, from the journal of those. However many images there are,
 * only their words are held in memory. Returns what came of it, and what was left out and why.
 */
export async function complete(
  dir: string,
  source: Source,
  journal: Journal,
  sizes: { size: number; storedSize: number },
): Promise<{ summary: Summary; skipped: Skipped[] }> {
  const { name, classes, attributes } = source;
  const vocabulary = source.vocabulary ?? vocabularyOf(journal);
  const { skipped, ...lists } = writeImages(dir, journal, vocabulary);
  if (skipped.length > 0)
    write(join(dir, FILES.skipped), skipped.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const vocabularyFile = join(dir, FILES.vocabulary);
  write(vocabularyFile, vocabulary.format());
  const summary: Summary = {
    ...{ images: { ...journal.images }, captions: lists.captions, words: vocabulary.size },
    ...(source.vocabulary && { unknownWords: unknownWords(journal, vocabulary) }),
    ...{ emptyCaptions: lists.emptyCaptions, skipped: skipped.length },
  };
  const index: Index = {
    ...{ format: FORMAT, version: VERSION, source: name, ...sizes, summary },
    sha256: {
      vocabulary: createHash("sha256").update(readFileSync(vocabularyFile)).digest("hex"),
      ...lists.sha256,
    },
    ...(attributes && { attributes }),
    classes,
  };
  write(join(dir, FILES.index), `${JSON.stringify(index, undefined, 1)}\n`);
  const prepared = openPrepared(dir, { memoryLimit: 0 });
  const sheet = await contactSheet(prepared);
  prepared.close();
  write(join(dir, FILES.contactSheet), sheet);
  return { summary, skipped };
}

type Skipped = NonNullable<JournalRecord["skipped"]>;

/**
 * The words of all captions in the order of their first use, those of images to train on first. They are of all
 * splits, as AttnGAN's are: a word that only test captions use is known, but untrained.
 */
function vocabularyOf(journal: Journal): Vocabulary {
  const words = forEachSplit(() => new Set<string>());
  for (const { split, captions } of keptBy(journal)) {
    for (const { text } of captions) for (const word of tokenize(text)) words[split].add(word);
  }
  return new Vocabulary([...new Set([PADDING, ...words.train, ...words.val, ...words.test])]);
}

function writeImages(dir: string, journal: Journal, vocabulary: Vocabulary) {
  using train = new LineWriter(join(dir, FILES.images.train));
  using val = new LineWriter(join(dir, FILES.images.val));
  using test = new LineWriter(join(dir, FILES.images.test));
  const files = { train, val, test };
  let captions = 0;
  let emptyCaptions = 0;
  const skipped: Skipped[] = [];
  for (const record of journal.records()) {
    if (record.skipped) skipped.push(record.skipped);
    if (!record.image) continue;
    const { split, emptyCaptions: empty, ...kept } = record.image;
    const image: PreparedImage = {
      ...kept,
      captions: kept.captions.map(({ text, ...names }) => ({
        ...{ text, tokens: vocabulary.encode(text) },
        ...names,
      })),
    };
    files[split].write(JSON.stringify(image));
    captions += image.captions.length;
    emptyCaptions += empty;
  }
  return { captions, emptyCaptions, skipped, sha256: forEachSplit((split) => files[split].finish()) };
}

function unknownWords(journal: Journal, vocabulary: Vocabulary): Summary["unknownWords"] {
  const counts = new Map<string, number>();
  for (const { captions } of keptBy(journal)) {
    for (const { text } of captions)
      for (const word of vocabulary.unknownWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return { count: counts.size, mostFrequent: sorted.slice(0, 20).map(([word]) => word) };
}

function* keptBy(journal: Journal): Generator<KeptImage> {
  for (const { image } of journal.records()) if (image) yield image;
}

function write(path: string, data: string | Buffer): void {
  onDisk(path, () => writeFileSync(path, data));
}
