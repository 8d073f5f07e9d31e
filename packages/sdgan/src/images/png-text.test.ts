import { UserError } from "@sdgan/core";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { readTexts, withTexts } from "./png-text.js";

const png = await sharp(Buffer.from([255, 0, 0, 0, 255, 0]), { raw: { width: 2, height: 1, channels: 3 } })
  .png()
  .toBuffer();

const texts = {
  Caption: "a small bird with a größer beak,\na second line",
  Seed: "7",
  Checkpoint: "runs/first step 1000",
  Title: "鳥 طائر 👩‍🎨 “quoted”",
};

describe("texts in a PNG", () => {
  it("are read back, and the pixels are unchanged", async () => {
    const written = withTexts(png, texts);
    expect(readTexts(written)).toEqual(texts);
    expect(await sharp(written, { failOn: "warning" }).raw().toBuffer()).toEqual(
      await sharp(png).raw().toBuffer(),
    );
    expect(readTexts(withTexts(written, { Software: "sdgan" }))).toEqual({ ...texts, Software: "sdgan" });
  });

  it("are found by other PNG readers", async () => {
    const { comments } = await sharp(withTexts(png, texts)).metadata();
    expect(comments).toContainEqual({ keyword: "Seed", text: "7" });
    expect(comments).toContainEqual({ keyword: "Title", text: texts.Title });
  });

  it("are Latin-1 if possible, and UTF-8 otherwise", () => {
    const written = withTexts(png, { Caption: "größer" });
    expect(written.includes(Buffer.from("tEXtCaption\0größer", "latin1"))).toBe(true);
    expect(withTexts(png, texts).includes(Buffer.from("iTXtTitle\0\0\0\0\0鳥"))).toBe(true);
  });

  it("may have any content", () => {
    const odd = { Caption: "", Long: "x".repeat(100_000), Control: "a\x1b\x7f" };
    expect(readTexts(withTexts(png, odd))).toEqual(odd);
    expect(readTexts(withTexts(png, { Caption: "a\0b\r\nc" }))).toEqual({ Caption: "a\ufffdb\nc" });
  });
});

it.each(["", " Seed", "größe", "x".repeat(80)])("keyword %j is rejected", (keyword) => {
  expect(() => withTexts(png, { [keyword]: "" })).toThrow(RangeError);
});

it("an incomplete PNG is rejected", () => {
  const damaged = Buffer.from(png);
  damaged[20]! ^= 1;
  for (const broken of [Buffer.alloc(0), Buffer.from("GIF89a.."), damaged, png.subarray(0, 8)])
    expect(() => readTexts(broken)).toThrow(UserError);
  for (let length = 8; length < png.length; length++)
    expect(() => readTexts(png.subarray(0, length)), `${length} bytes`).toThrow(UserError);
});
