import { expect, it } from "vitest";
import type { PrepareSummary } from "../data/prepare.js";
import { nextLines, type Prepared, summaryLines } from "./prepare-summary.js";
import { suggestTraining } from "./suggest-training.js";

/** What `prepare` prints for a summary. */
function printed(given: Partial<PrepareSummary>, about: Partial<Prepared> = {}): string[] {
  const prepared: Prepared = {
    ...{ source: "folder", size: 64, tokenizer: "unicode" as const, givenVocabulary: false },
    ...about,
  };
  const summary: PrepareSummary = {
    ...{ out: "data/mine", images: { train: 36, val: 2, test: 4 }, captions: 42, words: 10 },
    ...{ emptyCaptions: 0, skipped: [], unused: [], notes: [] },
    ...{
      captionLengths: { 7: 42 },
      trainingClasses: 36,
      duplicates: { acrossSplits: 0, withinTrain: 0 },
      lostWords: undefined,
    },
    ...given,
  };
  const suggestion = suggestTraining(prepared.source, prepared.size);
  return [...summaryLines(summary, prepared, suggestion), ...nextLines(summary, prepared, suggestion)];
}

const next = "Next: npx sdgan train damsm --config emoji-64 --data data/mine --run runs/folder";

it("says nothing about what is as usual", () => {
  expect(printed({})).toEqual([
    "data/mine: 36 images of 64×64 for training, 2 for validation and 4 for testing, 42 captions, 9 words",
    next,
  ]);
});

it("says what was set aside for testing, and by which rule", () => {
  expect(printed({ setAside: { images: 4, of: 40, by: "image" } }).slice(1)).toEqual([
    "The data has no test split: 4 of its 40 training images are for testing instead, one in ten but at least one, " +
      "chosen by the hash of the name",
    next,
  ]);
  expect(printed({ setAside: { images: 6, of: 40, by: "class" } })[1]).toContain(
    "images, whole classes, are for",
  );
  const none = printed({
    images: { train: 9, val: 1, test: 0 },
    setAside: { images: 1, of: 11, by: "image" },
  });
  expect(none[2]).toBe(
    "There are no images to test on: none of those set aside can be used. Training is possible without, sdgan evaluate " +
      "is not: add images",
  );
  expect(none.at(-1)).toBe(next);
});

it("says when nothing can be trained, and suggests no command for it", () => {
  const one = printed({ images: { train: 1, val: 0, test: 0 }, trainingClasses: 1 });
  expect(one.slice(1)).toEqual([expect.stringMatching(/^There is one image, .* Add images: at least two/)]);
  const two = printed({ images: { train: 1, val: 0, test: 1 }, trainingClasses: 1 });
  expect(two.slice(1)).toEqual([
    expect.stringMatching(/^There is one training image\..*: add images, at least/),
  ]);
  const val = printed({ images: { train: 1, val: 1, test: 1 }, trainingClasses: 1 });
  expect(val.slice(1)).toEqual([expect.stringContaining("with --val 0")]);
  const oneClass = printed({ images: { train: 9, val: 1, test: 1 }, trainingClasses: 1 });
  expect(oneClass.slice(1)).toEqual([expect.stringMatching(/^All 9 training images are of one class\./)]);
  const onlyTest = printed({ images: { train: 0, val: 0, test: 9 }, trainingClasses: 0 });
  expect(onlyTest.slice(1)).toEqual([
    expect.stringMatching(/all are in the split test\. .*can be evaluated on it$/),
    "Next: npx sdgan evaluate --run RUN --data data/mine",
  ]);
  const onlyVal = printed({ images: { train: 0, val: 9, test: 0 }, trainingClasses: 0 });
  expect(onlyVal.slice(1)).toEqual([
    expect.stringContaining("all are in the split val. Nothing can be trained"),
  ]);
});

it("says how many captions lose words to the tokenizer, and the remedy", () => {
  const lostWords = { captions: 12, of: 12, words: ["红色", "été", "đỏ", "à"] };
  expect(printed({ lostWords }, { tokenizer: "attngan" })[1]).toBe(
    "attngan reads ASCII words only: 12 of 12 captions lose words or letters, such as 红色, été, đỏ; use --tokenizer unicode",
  );
  expect(printed({ lostWords }, { tokenizer: "attngan", givenVocabulary: true })[1]).toContain(
    "--tokenizer unicode --vocabulary captions reads all",
  );
});

it("says how many captions are longer than the suggested preset reads, and what happens to them", () => {
  expect(printed({ captionLengths: { 5: 30, 18: 9, 19: 1, 45: 2 } })[1]).toBe(
    "3 of 42 captions have more than 18 words, the limit of emoji-64: of these, training reads a random 18 each time, " +
      "and sdgan generate the first 18. To read all: --set data.maxWords=45",
  );
  const coco = printed({ captionLengths: { 15: 41, 16: 1 } }, { source: "coco", size: 256 });
  expect(coco[1]).toMatch(/^1 of 42 captions has more than 15 words, the limit of coco:/);
});

it("says what is not used, a line for each kind, and how files were read", () => {
  const unused = [
    { unused: ".heic", count: 3, reason: "HEIC is not read: convert it to JPEG", first: "a.heic" },
    { unused: "row", count: 2, reason: "has no text", first: "metadata.csv:5" },
    { unused: "class", count: 2, reason: "is neither a text nor a number", first: "metadata.csv:7" },
    { unused: "no extension", count: 1, reason: "is neither an image nor a caption file", first: "LICENSE" },
    { unused: "column", count: 1, reason: "is none of the columns that are read", first: "width" },
    { unused: ".a", count: 1, reason: "x", first: "a.a" },
    { unused: ".b", count: 1, reason: "x", first: "a.b" },
  ];
  const notes = [
    { text: "was read as UTF-16", count: 10, first: "0.txt" },
    { text: 'has columns separated by ";"', count: 1, first: "metadata.csv" },
  ];
  expect(printed({ unused, notes }).slice(1, -1)).toEqual([
    "Not used, all in data/mine/skipped.jsonl:",
    "  3 .heic, such as a.heic: HEIC is not read: convert it to JPEG",
    "  2 rows, such as metadata.csv:5: has no text",
    "  2 classes, such as metadata.csv:7: is neither a text nor a number",
    "  1 file without an extension, LICENSE: is neither an image nor a caption file",
    "  1 column, width: is none of the columns that are read",
    "  1 .a, a.a: x",
    "  and 1 more, of other kinds",
    "0.txt and 9 more: each was read as UTF-16",
    'metadata.csv: has columns separated by ";"',
  ]);
});

it("suggests a command that needs no file, and says how Inception is given", () => {
  expect(printed({}, { source: "cub", size: 256 }).slice(1)).toEqual([
    "Next: npx sdgan train damsm --config cub --set damsm.encoder=convolutional --data data/mine --run runs/cub",
    "With Inception, as cub has it: --inception FILE in place of --set damsm.encoder=convolutional (docs/inception.md)",
  ]);
});
