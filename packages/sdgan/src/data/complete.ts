import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Vocabulary } from "@sdgan/core";
import { onDisk } from "../util/system-errors.js";
import { contactSheet } from "./contact-sheet.js";
import { type Source, type Split, tokenizerOf } from "./dataset.js";
import { DuplicateCounter, type Duplicates, type FinalRecord, withoutDuplicates } from "./duplicates.js";
import {
  FILES,
  FORMAT,
  forEachSplit,
  type Index,
  type PreparedImage,
  SPLITS,
  type Summary,
  VERSION,
} from "./format.js";
import type { Journal, JournalRecord } from "./journal.js";
import { licencesText } from "./licences-text.js";
import { LineWriter } from "./lines.js";
import { openPrepared } from "./prepared.js";
import type { Remarks } from "./remarks.js";

/**
 * Writes everything of a prepared folder except the pixels, from the journal, with `dedupe` without images
 * that are there already. The images are streamed; only the words and the checksums are kept in memory.
 * Returns the summary and what is printed besides.
 */
export async function complete(
  dir: string,
  source: Source,
  journal: Journal,
  sizes: { size: number; storedSize: number },
  { dedupe, remarks }: { dedupe: boolean; remarks: Remarks },
): Promise<Completed> {
  const { name, variant, classes, attributes, licences } = source;
  const all = () => journal.records();
  const records: () => Iterable<FinalRecord> = dedupe ? withoutDuplicates(all) : all;
  const vocabulary = source.vocabulary ?? Vocabulary.build(learnedCaptions(records), tokenizerOf(source));
  const { leftOut, unknownWords, ...lists } = writeImages(dir, records(), vocabulary);
  const { skipped, duplicates, captionLengths, trainingClasses } = lists;
  for (const split of SPLITS) journal.leaveOut(split, leftOut[split]);
  const notUsed = [...skipped, ...remarks.unusedGroups];
  if (notUsed.length > 0)
    write(join(dir, FILES.skipped), notUsed.map((one) => `${JSON.stringify(one)}\n`).join(""));
  const vocabularyFile = join(dir, FILES.vocabulary);
  write(vocabularyFile, vocabulary.format());
  const summary: Summary = {
    ...{ images: lists.images, captions: lists.captions, words: vocabulary.size },
    ...((source.vocabulary || unknownWords.count > 0) && { unknownWords }),
    ...{ emptyCaptions: lists.emptyCaptions, skipped: skipped.length },
  };
  const index: Index = {
    ...{ format: FORMAT, version: VERSION, source: name, ...(variant && { variant }) },
    ...{ ...sizes, summary },
    sha256: {
      vocabulary: createHash("sha256").update(readFileSync(vocabularyFile)).digest("hex"),
      ...lists.sha256,
    },
    ...(attributes && { attributes }),
    ...(licences && { licences: licences.map(({ text, ...licence }) => licence) }),
    classes,
  };
  if (licences) write(join(dir, FILES.licences), licencesText(licences));
  write(join(dir, FILES.index), `${JSON.stringify(index, undefined, 1)}\n`);
  const prepared = openPrepared(dir, { memoryLimit: 0 });
  const sheet = await contactSheet(prepared, (advice) => remarks.note(FILES.contactSheet, advice));
  prepared.close();
  write(join(dir, FILES.contactSheet), sheet);
  return { summary, skipped, duplicates, captionLengths, trainingClasses };
}

export interface Completed {
  summary: Summary;
  skipped: Skipped[];
  duplicates: Duplicates;
  /** Number of known words → number of captions with as many. */
  captionLengths: Record<number, number>;
  /** How many classes the training images are of. */
  trainingClasses: number;
}

type Skipped = NonNullable<JournalRecord["skipped"]>;

/**
 * The captions that the vocabulary is built from: those of train and val, because no model learns words that
 * occur only in test captions. If all images are test images, for a model with its own vocabulary, all
 * captions are used.
 */
function* learnedCaptions(records: () => Iterable<FinalRecord>): Generator<string> {
  const onlyTest = !hasOtherThanTest(records());
  for (const { image } of records())
    if (image && (onlyTest || image.split !== "test")) for (const { text } of image.captions) yield text;
}

function hasOtherThanTest(records: Iterable<FinalRecord>): boolean {
  for (const { image } of records) if (image && image.split !== "test") return true;
  return false;
}

/**
 * Writes the lists. Drops captions without a word of the vocabulary, and skips images without any other.
 * Returns also the places, among the pixels of each split, of the images that are left out.
 */
function writeImages(dir: string, records: Iterable<FinalRecord>, vocabulary: Vocabulary) {
  using train = new LineWriter(join(dir, FILES.images.train));
  using val = new LineWriter(join(dir, FILES.images.val));
  using test = new LineWriter(join(dir, FILES.images.test));
  const files = { train, val, test };
  const images = forEachSplit(() => 0);
  const leftOut = forEachSplit(() => new Set<number>());
  const unknown = new Map<string, number>();
  const captionLengths: Record<number, number> = {};
  const trainingClasses = new Set<number>();
  let captions = 0;
  let emptyCaptions = 0;
  const skipped: Skipped[] = [];
  const duplicates = new DuplicateCounter();
  const leaveOut = (split: Split) => leftOut[split].add(images[split] + leftOut[split].size);
  for (const record of records) {
    if (record.skipped) skipped.push(record.skipped);
    if (record.leftOut) leaveOut(record.leftOut);
    if (!record.image) continue;
    const { split, emptyCaptions: empty, ...kept } = record.image;
    const known = kept.captions.flatMap(({ text, ...facts }) => {
      const read = vocabulary.read(text);
      for (const word of read.unknown) unknown.set(word, (unknown.get(word) ?? 0) + 1);
      return read.tokens.length > 0 ? [{ ...{ text, tokens: read.tokens }, ...facts }] : [];
    });
    if (known.length === 0) {
      skipped.push({ id: kept.id, reason: "has no caption with a word of the vocabulary" });
      leaveOut(split);
      continue;
    }
    const image: PreparedImage = { ...kept, captions: known };
    files[split].write(JSON.stringify(image));
    duplicates.add(record.image);
    images[split]++;
    if (split === "train") trainingClasses.add(image.classId);
    for (const { tokens } of known) captionLengths[tokens.length] = (captionLengths[tokens.length] ?? 0) + 1;
    captions += known.length;
    emptyCaptions += empty + kept.captions.length - known.length;
  }
  const sha256 = forEachSplit((split) => files[split].finish());
  return {
    ...{ images, captions, emptyCaptions, skipped, leftOut, captionLengths, sha256 },
    ...{
      unknownWords: mostFrequent(unknown),
      duplicates: duplicates.result,
      trainingClasses: trainingClasses.size,
    },
  };
}

function mostFrequent(counts: Map<string, number>): NonNullable<Summary["unknownWords"]> {
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return { count: counts.size, mostFrequent: sorted.slice(0, 20).map(([word]) => word) };
}

function write(path: string, data: string | Buffer): void {
  onDisk(path, () => writeFileSync(path, data));
}
