import sharp, { type FormatEnum } from "sharp";
import { describe, expect, it } from "vitest";
import { RefusedImage, toPixels } from "./decode-image.js";
import { describeUnread } from "./unread-formats.js";

const options = { size: 8, background: "white" };

/** A file of the ISO base media format. */
function iso(...brands: string[]): Buffer {
  const [major = "", ...others] = brands;
  const content = Buffer.from(`ftyp${major}\0\0\0\0${others.join("")}`, "latin1");
  const size = Buffer.alloc(4);
  size.writeUInt32BE(content.length + 4);
  return Buffer.concat([size, content, Buffer.alloc(100)]);
}

function bytes(hex: string, text = ""): Buffer {
  return Buffer.concat([Buffer.from(hex, "hex"), Buffer.from(text, "latin1"), Buffer.alloc(200)]);
}

const image = "which is not read: convert it to JPEG or PNG";
const frame = "not an image: give a frame of it as JPEG or PNG";

describe("describeUnread", () => {
  it.each([
    ["is HEIC", image, iso("heic", "mif1", "heic")],
    ["is HEIC", image, iso("mif1", "mif1", "heic", "hevc")],
    ["is HEIC", image, iso("msf1", "hevc")],
    ["is HEIF", image, iso("mif1")],
    ["is a camera's raw file", image, iso("crx ", "crx ", "isom")],
    ["is an MP4 video", frame, iso("isom", "iso2", "avc1", "mp41")],
    ["is a QuickTime video", frame, iso("qt  ")],
    ["is a QuickTime video", frame, bytes("00000008", "wide")],
    ["is JPEG XL", image, bytes("ff0a")],
    ["is JPEG XL", image, bytes("0000000c4a584c200d0a870a")],
    ["is JPEG 2000", image, bytes("0000000c6a5020200d0a870a")],
    ["is BMP", image, bytes("424d000000000000000036000000280000")],
    ["is an icon (ICO)", image, bytes("000001000100202000000100")],
    ["is a Photoshop file (PSD)", image, bytes("", "8BPS\0\x01")],
    ["is PNM", image, bytes("", "P6\n8 8\n255\n")],
    ["is OpenEXR", image, bytes("762f3101")],
    ["is a camera's raw file", image, bytes("49492a00100000004352")],
    ["is a camera's raw file", image, bytes("49492a0008000000010012c601000400000001040000")],
    ["is a camera's raw file", image, bytes("4d4d002a000000080001c612000100000004010400000000")],
    ["is a PDF", "not an image: give its image as JPEG or PNG", bytes("", "%PDF-1.7")],
    ["is an AVI video", frame, bytes("", "RIFF\0\0\0\0AVI LIST")],
    ["is a Matroska or WebM video", frame, bytes("1a45dfa3")],
    ["is a ZIP archive", "not an image: unpack it", bytes("504b0304")],
  ])("of a file gives format and remedy: %s", async (what, remedy, file) => {
    const found = describeUnread(file);
    expect(found).toBe(`${what}, ${remedy}`);
    await expect(toPixels(file, options)).rejects.toThrow(new RefusedImage(`${what}, ${remedy}`));
  });

  it.each(["jpeg", "png", "webp", "gif", "tiff", "avif"] satisfies (keyof FormatEnum)[])(
    "is undefined for a format that is read: %s",
    async (format) => {
      const file = await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
        .toFormat(format)
        .toBuffer();
      expect(describeUnread(file)).toBeUndefined();
    },
  );

  it("is undefined for texts, short files and AVIF with general brands", () => {
    for (const text of ["", "BM", "BMW is a car and no bitmap image", "Paris", "%", "RIFF", "<svg/>"])
      expect(describeUnread(Buffer.from(text))).toBeUndefined();
    expect(describeUnread(iso("mif1", "mif1", "avif", "miaf"))).toBeUndefined();
    expect(describeUnread(iso("avis", "msf1"))).toBeUndefined();
  });

  it("reads no more of a file than its brands, however many it claims to have", () => {
    const file = iso("mif1");
    file.writeUInt32BE(0xffff_ffff, 0);
    expect(describeUnread(file.subarray(0, 13))).toBe(`is HEIF, ${image}`);
  });
});

describe("toPixels", () => {
  it("names what stands in place of an image", async () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    await expect(toPixels(Buffer.from(pointer), options)).rejects.toThrow(/git lfs pull/);
    await expect(toPixels(Buffer.from("<!doctype html><p>404"), options)).rejects.toThrow(/web page/);
  });

  it("names the coding of a JPEG that neither decoder reads", async () => {
    const file = await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
      .jpeg()
      .toBuffer();
    file[file.indexOf(Buffer.of(0xff, 0xc0)) + 1] = 0xc3;
    await expect(toPixels(file, options)).rejects.toThrow(
      new RefusedImage(
        "is a JPEG with lossless coding, which is not read: convert it to baseline JPEG or PNG",
      ),
    );
  });
});
