import type { Split } from "./dataset.js";
import type { JournalRecord, KeptImage } from "./journal.js";

/** Images with identical pixels. */
export interface Duplicates {
  /** Images of `train` that are also in `val` or `test`, and images of `val` that are also in `test`. */
  acrossSplits: number;
  /** The first of them, and the image that it equals. */
  first?: [id: string, equal: string];
  /** Images of `train` that equal an earlier one of `train`. */
  withinTrain: number;
}

/** Of identical images, that of the first of these splits is kept, so that no test image is trained on. */
const PREFERENCE: readonly Split[] = ["test", "val", "train"];

/** Counts identical images by their checksums, of which two different images hardly ever have the same. */
export class DuplicateCounter {
  /** XXH64 → the id of the first image in each split. */
  readonly #firsts = new Map<string, Partial<Record<Split, string>>>();
  readonly #others: { xxh64: string; split: Split; id: string }[] = [];
  #withinTrain = 0;

  add({ id, split, xxh64 }: Pick<KeptImage, "id" | "split" | "xxh64">): void {
    const firsts = this.#firsts.get(xxh64);
    if (!firsts) {
      this.#firsts.set(xxh64, { [split]: id });
      return;
    }
    if (firsts[split] === undefined) firsts[split] = id;
    else {
      if (split === "train") this.#withinTrain++;
      this.#others.push({ xxh64, split, id });
    }
  }

  get result(): Duplicates {
    let acrossSplits = 0;
    let first: Duplicates["first"];
    for (const firsts of this.#firsts.values()) {
      const splits = PREFERENCE.filter((split) => firsts[split] !== undefined);
      acrossSplits += splits.length - 1;
      if (splits.length > 1) first ??= [firsts[splits.at(-1)!]!, firsts[splits[0]!]!];
    }
    for (const { xxh64, split } of this.#others) {
      const firsts = this.#firsts.get(xxh64)!;
      if (PREFERENCE.slice(0, PREFERENCE.indexOf(split)).some((other) => firsts[other] !== undefined))
        acrossSplits++;
    }
    return { acrossSplits, ...(first && { first }), withinTrain: this.#withinTrain };
  }
}

/** A record, or the record of an image that is left out although its pixels are in the file of its split. */
export type FinalRecord = JournalRecord & { leftOut?: Split };

/**
 * Leaves out images that are there already: reads the records once, and returns a function that gives them in
 * the same order, in which these images are skipped, with the reason, and the images that they equal have
 * their captions too, if both are in the same split.
 */
export function withoutDuplicates(records: () => Iterable<JournalRecord>): () => Generator<FinalRecord> {
  const kept = new Map<string, Pick<KeptImage, "id" | "split">>();
  const more = new Map<string, Pick<KeptImage, "captions" | "emptyCaptions">>();
  const inSplit = ({ split, xxh64 }: KeptImage) => `${split} ${xxh64}`;
  const seen = new Set<string>();
  for (const { image } of records()) {
    if (!image) continue;
    const { id, split, xxh64 } = image;
    const before = kept.get(xxh64);
    if (!before || PREFERENCE.indexOf(split) < PREFERENCE.indexOf(before.split))
      kept.set(xxh64, { id, split });
    const place = inSplit(image);
    if (!seen.has(place)) {
      seen.add(place);
      continue;
    }
    const sum = more.get(place) ?? { captions: [], emptyCaptions: 0 };
    for (const caption of image.captions) sum.captions.push(caption);
    sum.emptyCaptions += image.emptyCaptions;
    more.set(place, sum);
  }
  return function* () {
    for (const record of records()) {
      const { image, example } = record;
      const one = image && kept.get(image.xxh64)!;
      if (!image || !one) yield record;
      else if (one.id !== image.id || one.split !== image.split)
        yield { example, skipped: { id: image.id, reason: reasonFor(image, one) }, leftOut: image.split };
      else yield { example, image: withMore(image, more.get(inSplit(image))) };
    }
  };
}

function reasonFor({ split }: KeptImage, kept: Pick<KeptImage, "id" | "split">): string {
  return kept.split === split
    ? `has the same pixels as ${kept.id}, which has its captions now`
    : `has the same pixels as ${kept.id} of the split ${kept.split}`;
}

/** Adds captions; each text stays once. */
function withMore(
  image: KeptImage,
  more: Pick<KeptImage, "captions" | "emptyCaptions"> | undefined,
): KeptImage {
  if (!more) return image;
  const texts = new Set(image.captions.map(({ text }) => text));
  const captions = [...image.captions];
  for (const caption of more.captions) {
    if (texts.has(caption.text)) continue;
    texts.add(caption.text);
    captions.push(caption);
  }
  return { ...image, captions, emptyCaptions: image.emptyCaptions + more.emptyCaptions };
}
