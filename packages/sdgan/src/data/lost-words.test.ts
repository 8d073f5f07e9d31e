import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Source } from "./dataset.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { prepare } from "./prepare.js";

const captions = [
  "一只红色的小鸟站在树枝上 1 IMG",
  "a red bird",
  "un été à Liège",
  "đỏ",
  "a bird 🐦 it’s red",
];
const source = (tokenizer: "attngan" | "unicode", texts = captions): Source => ({
  ...sourceOf(texts.map((text, i) => example(`${i}`, () => mapped(i, 16), [{ text }]))),
  tokenizer,
});

function out(): string {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-lost-words-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "data");
}

it("prepare reports what the ASCII tokenizer drops, also of captions that are left out", async () => {
  const { lostWords, emptyCaptions, skipped } = await prepare(source("attngan"), { out: out(), size: 16 });
  expect(lostWords).toEqual({
    ...{ captions: 3, of: 5 },
    words: ["一只红色的小鸟站在树枝上", "été", "à", "liège", "đỏ"],
  });
  // "đỏ" has no ASCII letter: its image has no caption left.
  expect([emptyCaptions, skipped.map(({ id }) => id)]).toEqual([0, ["3"]]);
});

it("the tokenizer unicode drops nothing", async () => {
  const { lostWords, images, captionLengths } = await prepare(source("unicode"), { out: out(), size: 16 });
  expect([lostWords, images.train]).toEqual([undefined, 5]);
  expect(captionLengths).toEqual({ 14: 1, 3: 1, 4: 2, 1: 1 });
});

it("text without spaces is shortened, and the remedy is named if no caption is left", async () => {
  const long = "鸟".repeat(5000);
  const { lostWords } = await prepare(source("attngan", [`${long} bird`]), { out: out(), size: 16 });
  expect(lostWords!.words).toEqual([`${"鸟".repeat(20)}…`]);
  await expect(prepare(source("attngan", [long, "鸟"]), { out: out(), size: 16 })).rejects.toThrow(
    /all 2 were skipped.*Use --tokenizer unicode, for words of any language\.$/,
  );
});
