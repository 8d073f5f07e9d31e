import { join } from "node:path";
import type { TokenizerName } from "@sdgan/core/basics";
import type { PrepareSummary } from "../data/prepare.js";
import { commandLine } from "./command-line.js";
import type { Suggestion } from "./suggest-training.js";

/** What `prepare` was given, as far as its summary depends on it. */
export interface Prepared {
  source: string;
  size: number;
  tokenizer: TokenizerName;
  /** Whether the vocabulary is a given one, not made of the captions. */
  givenVocabulary: boolean;
}

/** The lines that `prepare` prints: what there is, what is not used and why, and what the model will not read. */
export function summaryLines(summary: PrepareSummary, prepared: Prepared, suggestion: Suggestion): string[] {
  const { out, images, captions, words, unknownWords, skipped, emptyCaptions, unused, notes, duplicates } =
    summary;
  const { size } = prepared;
  const shown = skipped.slice(0, 5).map(({ id, reason }) => `  ${id}: ${reason}`);
  return [
    `${out}: ${counted(images.train, "image")} of ${size}×${size} for training, ${images.val} for validation and ` +
      `${images.test} for testing, ${counted(captions, "caption")}, ${counted(words - 1, "word")}`,
    ...splitLines(summary),
    ...lostLines(summary, prepared),
    ...(unknownWords && unknownWords.count > 0 ? [unknownLine(unknownWords)] : []),
    ...longLines(summary, suggestion),
    ...(emptyCaptions > 0
      ? [
          `${counted(emptyCaptions, "caption")} without a known word ${emptyCaptions === 1 ? "was" : "were"} skipped`,
        ]
      : []),
    ...(skipped.length > 0
      ? [`${counted(skipped.length, "image")} ${skipped.length === 1 ? "was" : "were"} skipped:`, ...shown]
      : []),
    ...(skipped.length > shown.length
      ? [`  and ${skipped.length - shown.length} more: ${join(out, "skipped.jsonl")}`]
      : []),
    ...unusedLines(unused, out),
    ...notes.map(noteLine),
    ...duplicateLines(duplicates),
  ];
}

/** The command to run next, which works as it stands. None if the lines above say that nothing can be trained. */
export function nextLines(
  { out, images, trainingClasses }: PrepareSummary,
  { source, size }: Pick<Prepared, "source" | "size">,
  { options, preset, config }: Suggestion,
): string[] {
  if (images.train === 0 && images.test > 0)
    return [`Next: ${commandLine("evaluate", "--run", "RUN", "--data", out)}`];
  if (trainingClasses < 2) return [];
  const run = `runs/${source}`;
  const next = `Next: ${commandLine("train", "damsm", ...options, "--data", out, "--run", run)}`;
  if (size < 256 || source === "birds" || config.damsm.encoder === "inception") return [next];
  return [
    next,
    `With Inception, as ${preset} has it: --inception FILE in place of --set damsm.encoder=convolutional (docs/inception.md)`,
  ];
}

/** What was set aside, and what the splits make impossible, with what to do. */
function splitLines({ images, setAside, trainingClasses }: PrepareSummary): string[] {
  const { train, val, test } = images;
  const lines = setAside ? [setAsideLine(setAside)] : [];
  if (train === 0) {
    const where = test === 0 ? "val" : val === 0 ? "test" : "val and test";
    const use = test === 0 ? "" : ", but a model trained on other data can be evaluated on it";
    return [
      ...lines,
      `There are no training images: all are in the split ${where}. Nothing can be trained on this data${use}`,
    ];
  }
  if (train + val + test === 1)
    return [
      "There is one image, used for training. DAMSM compares captions of different images, so nothing can be trained, and " +
        "nothing can be tested. Add images: at least two for training and one for testing",
    ];
  if (train === 1)
    return [
      ...lines,
      "There is one training image. DAMSM compares captions of different images, so nothing can be trained: " +
        (val > 0 ? "prepare the data with --val 0, or add images" : "add images, at least two for training"),
    ];
  if (trainingClasses === 1)
    return [
      ...lines,
      `All ${train} training images are of one class. DAMSM does not compare captions within a class, so nothing can be ` +
        "trained: leave the classes out, which makes every image a class of its own, or add images of another class",
    ];
  if (test > 0) return lines;
  const why = setAside ? ": none of those set aside can be used" : "";
  return [
    ...lines,
    `There are no images to test on${why}. Training is possible without, sdgan evaluate is not: add images`,
  ];
}

function setAsideLine({ images, of, by }: NonNullable<PrepareSummary["setAside"]>): string {
  const whole = by === "class" ? ", whole classes," : "";
  return (
    `The data has no test split: ${images} of its ${of} training images${whole} ${images === 1 ? "is" : "are"} for testing ` +
    `instead, one in ten but at least one, chosen by the hash of the ${by === "class" ? "class's name" : "name"}`
  );
}

/** Words that the tokenizer drops, such as all words in other scripts for `attngan`. */
function lostLines({ lostWords }: PrepareSummary, { tokenizer, givenVocabulary }: Prepared): string[] {
  if (!lostWords) return [];
  const { captions, of, words } = lostWords;
  const remedy = givenVocabulary
    ? "--tokenizer unicode --vocabulary captions reads all"
    : "use --tokenizer unicode";
  return [
    `${tokenizer} reads ASCII words only: ${captions} of ${counted(of, "caption")} ${captions === 1 ? "loses" : "lose"} ` +
      `words or letters, such as ${words.slice(0, 3).join(", ")}; ${remedy}`,
  ];
}

/** Captions that are longer than the suggested configuration reads. */
function longLines({ captionLengths, captions }: PrepareSummary, { preset, config }: Suggestion): string[] {
  const { maxWords } = config.data;
  const long = Object.entries(captionLengths).filter(([length]) => Number(length) > maxWords);
  if (long.length === 0) return [];
  const count = long.reduce((sum, [, some]) => sum + some, 0);
  const longest = Math.max(...long.map(([length]) => Number(length)));
  return [
    `${count} of ${counted(captions, "caption")} ${count === 1 ? "has" : "have"} more than ${maxWords} words, the limit ` +
      `of ${preset}: of these, training reads a random ${maxWords} each time, and sdgan generate the first ${maxWords}. ` +
      `To read all: --set data.maxWords=${longest}`,
  ];
}

/** Images with identical pixels. */
function duplicateLines({ acrossSplits, first, withinTrain }: PrepareSummary["duplicates"]): string[] {
  const lines: string[] = [];
  if (first)
    lines.push(
      `Warning: ${counted(acrossSplits, "image")} of train or val ${acrossSplits === 1 ? "is" : "are"} also in val or test ` +
        `(${first[0]} equals ${first[1]}), so figures would be too good: --dedupe keeps one of each`,
    );
  if (withinTrain > 0)
    lines.push(
      `${counted(withinTrain, "image")} of train ${withinTrain === 1 ? "equals" : "equal"} an earlier one of train: --dedupe keeps one of each`,
    );
  return lines;
}

/** Such as "  3 .heic, such as x.heic: HEIC is not read: convert it to JPEG", a line for each kind. */
function unusedLines(unused: PrepareSummary["unused"], out: string): string[] {
  if (unused.length === 0) return [];
  const shown = unused.slice(0, MAX_KINDS).map(({ unused: kind, count, reason, first }) => {
    const noun = kind.startsWith(".") ? kind : pluralOf(kind, count);
    return `  ${count} ${noun}, ${count === 1 ? "" : "such as "}${first}: ${reason}`;
  });
  const rest = unused.slice(MAX_KINDS).reduce((sum, { count }) => sum + count, 0);
  return [
    `Not used, all in ${join(out, "skipped.jsonl")}:`,
    ...shown,
    ...(rest > 0 ? [`  and ${rest} more, of other kinds`] : []),
  ];
}

/** Of what is not used: "row" → "rows", "class" → "classes"; "no extension" → "without an extension". */
function pluralOf(kind: string, count: number): string {
  if (kind === "no extension")
    return count === 1 ? "file without an extension" : "files without an extension";
  if (count === 1) return kind;
  return kind.endsWith("s") ? `${kind}es` : `${kind}s`;
}

const MAX_KINDS = 6;

function noteLine({ text, count, first }: PrepareSummary["notes"][number]): string {
  return count === 1 ? `${first}: ${text}` : `${first} and ${count - 1} more: each ${text}`;
}

function unknownLine({ count, mostFrequent }: NonNullable<PrepareSummary["unknownWords"]>): string {
  const named = mostFrequent.slice(0, 8).join(", ");
  return (
    `${counted(count, "word")} of captions ${count === 1 ? "is" : "are"} not in the vocabulary and ` +
    `${count === 1 ? "is" : "are"} ignored: ${named}${count > 8 ? ", …" : ""}`
  );
}

/** "1 image", "2 images". */
function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
