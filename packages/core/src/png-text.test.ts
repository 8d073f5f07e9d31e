import { describe, expect, it } from "vitest";
import { UserError } from "./errors.js";
import { concatenated, PNG_SIGNATURE, pngChunk, readTexts, withTexts } from "./png-text.js";

/** One red pixel: its two bytes of zlib header, a stored block with filter 0 and the pixel, and the checksum. */
const pixel = Uint8Array.of(...[0x78, 1], ...[1, 4, 0, 0xfb, 0xff], ...[0, 255, 0, 0], ...[3, 0, 1, 0]);
const png = concatenated([
  PNG_SIGNATURE,
  pngChunk("IHDR", Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0)),
  pngChunk("IDAT", pixel),
  pngChunk("IEND", new Uint8Array()),
]);

const texts = {
  Caption: "a small bird with a größer beak,\na second line",
  Seed: "7",
  Checkpoint: "runs/first step 1000",
  Title: "鳥 طائر 👩‍🎨 “quoted”",
};

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

describe("a PNG's chunk", () => {
  it("has length, type, data and the checksum of type and data", () => {
    expect(hex(pngChunk("IEND", new Uint8Array()))).toBe("0000000049454e44ae426082");
  });
});

describe("texts in a PNG", () => {
  it("are read back, and stand between the header and the pixels", () => {
    const written = withTexts(png, texts);
    expect(readTexts(written)).toEqual(texts);
    const added = written.length - png.length;
    expect(hex(written.subarray(0, 33))).toBe(hex(png.subarray(0, 33)));
    expect(hex(written.subarray(33 + added))).toBe(hex(png.subarray(33)));
    expect(readTexts(withTexts(written, { Software: "sdgan" }))).toEqual({ ...texts, Software: "sdgan" });
  });

  it("are Latin-1 if possible, and UTF-8 otherwise", () => {
    const written = withTexts(png, { Caption: "größer" });
    const latin1 = Uint8Array.from("tEXtCaption\0größer", (letter) => letter.charCodeAt(0));
    expect(hex(written)).toContain(hex(latin1));
    // "iTXt", "Title", five bytes 0, and 鳥.
    expect(hex(withTexts(png, texts))).toContain("69545874" + "5469746c65" + "0000000000" + "e9b3a5");
  });

  it("may have any content", () => {
    const odd = { Caption: "", Long: "x".repeat(100_000), Control: "a\x1b\x7f", Latin: "\x80é\xff" };
    expect(readTexts(withTexts(png, odd))).toEqual(odd);
    expect(readTexts(withTexts(png, { Caption: "a\0b\r\nc" }))).toEqual({ Caption: "a\ufffdb\nc" });
  });
});

it.each(["", " Seed", "größe", "x".repeat(80)])("keyword %j is rejected", (keyword) => {
  expect(() => withTexts(png, { [keyword]: "" })).toThrow(RangeError);
});

it("an incomplete PNG is rejected", () => {
  const damaged = png.slice();
  damaged[20]! ^= 1;
  const gif = Uint8Array.from("GIF89a..", (letter) => letter.charCodeAt(0));
  for (const broken of [new Uint8Array(), gif, damaged, png.subarray(0, 8)])
    expect(() => readTexts(broken)).toThrow(UserError);
  for (let length = 8; length < png.length; length++)
    expect(() => readTexts(png.subarray(0, length)), `${length} bytes`).toThrow(UserError);
});
