import sharp, { type JpegOptions } from "sharp";
import { describe, expect, it } from "vitest";
import { toPixels } from "./decode-image.js";
import { hasMoreScans, jpegFrame } from "./jpeg-structure.js";

const options = { size: 16, background: "white" };

function jpeg(given: JpegOptions = {}, width = 64, height = 48): Promise<Buffer> {
  const noise = { type: "gaussian" as const, mean: 128, sigma: 40 };
  return sharp({ create: { width, height, channels: 3, background: "red", noise } })
    .jpeg(given)
    .toBuffer();
}

/** Bytes in which the start-of-scan marker occurs `count` times, as it does in a video of some megabytes. */
const markers = (count: number) => Buffer.alloc(3 * count, Buffer.of(0xff, 0xda, 0x17));

/** Puts an APP or comment segment behind the start of a JPEG. */
function withSegment(image: Buffer, marker: number, content: Buffer): Buffer {
  const head = Buffer.of(0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 255);
  return Buffer.concat([image.subarray(0, 2), head, content, image.subarray(2)]);
}

/** The last scan of a progressive JPEG, `count` times more. */
function withScans(image: Buffer, count: number): Buffer {
  const end = image.length - 2;
  const last = image.subarray(image.lastIndexOf(Buffer.of(0xff, 0xda)), end);
  return Buffer.concat([image.subarray(0, end), ...new Array<Buffer>(count).fill(last), image.subarray(end)]);
}

describe("a JPEG with data after its end", () => {
  it.each([
    ["a video", () => Promise.resolve(markers(5000))],
    ["more images", async () => Buffer.concat(new Array<Buffer>(30).fill(await jpeg({ progressive: true })))],
    ["a JPEG with too many scans", async () => withScans(await jpeg({ progressive: true }), 200)],
  ])("is decoded as without it: %s", async (_, trailer) => {
    for (const progressive of [false, true]) {
      const image = await jpeg({ progressive });
      const both = Buffer.concat([image, await trailer()]);
      expect(await toPixels(both, options)).toEqual(await toPixels(image, options));
    }
  });

  it("may have thumbnails in its segments", async () => {
    const image = await jpeg();
    const both = withSegment(withSegment(image, 0xe1, markers(9000)), 0xfe, markers(9000));
    expect(await toPixels(both, options)).toEqual(await toPixels(image, options));
  });
});

describe("hasMoreScans", () => {
  it("counts the scans of the image alone", async () => {
    const image = await jpeg({ progressive: true });
    const own = image.toString("latin1").split("\xff\xda").length - 1;
    for (const count of [0, 1, 100]) {
      const many = Buffer.concat([withScans(withSegment(image, 0xe1, markers(500)), count), markers(500)]);
      expect(hasMoreScans(many, own + count)).toBe(false);
      expect(hasMoreScans(many, own + count - 1)).toBe(true);
    }
    expect(hasMoreScans(await sharp(image).png().toBuffer(), 0)).toBe(false);
  });

  it("counts scans behind restart markers, filling bytes and bytes between segments", async () => {
    const image = await jpeg({ progressive: true });
    const end = image.length - 2;
    const scan = image.subarray(image.lastIndexOf(Buffer.of(0xff, 0xda)), end);
    const filled = [Buffer.from("ffd0ffffffff", "hex"), Buffer.from("ff0001ff01", "hex"), Buffer.from("00")];
    const scans = filled.flatMap((filling) => [filling, scan, scan]);
    const many = Buffer.concat([image.subarray(0, end), ...scans, image.subarray(end), markers(200)]);
    const own = image.toString("latin1").split("\xff\xda").length - 1;
    expect([hasMoreScans(many, own + 5), hasMoreScans(many, own + 6)]).toEqual([true, false]);
  });

  it("refuses a bomb of scans, with or without data after its end", async () => {
    const bomb = withScans(await jpeg({ progressive: true }), 200);
    for (const bytes of [bomb, Buffer.concat([bomb, markers(9)]), bomb.subarray(0, -2)])
      await expect(toPixels(bytes, options)).rejects.toThrow("it has more than 100 scans");
  });

  it("takes linear time", () => {
    const worst = Buffer.concat([
      Buffer.from("ffd8", "hex"),
      markers(101),
      Buffer.alloc(2 ** 23, "ff00", "hex"),
    ]);
    const begun = performance.now();
    expect(hasMoreScans(worst, 100)).toBe(false);
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});

describe("jpegFrame", () => {
  it("gives the memory for coefficients, which only scans of parts of the data need", async () => {
    const pixels = 64 * 48;
    const frame = async (given: JpegOptions) => jpegFrame(await jpeg(given));
    expect(await frame({})).toEqual({ coefficientBytes: 0 });
    expect(await frame({ progressive: true, chromaSubsampling: "4:4:4" })).toEqual({
      coefficientBytes: 6 * pixels,
    });
    expect(await frame({ progressive: true, chromaSubsampling: "4:2:0" })).toEqual({
      coefficientBytes: 3 * pixels,
    });
  });

  it("names unusual codings", async () => {
    const image = await jpeg();
    const at = image.indexOf(Buffer.of(0xff, 0xc0)) + 1;
    const unusual = (marker: number, bits = 8) => {
      const changed = Buffer.from(image);
      changed[at] = marker;
      changed[at + 3] = bits;
      return jpegFrame(changed)?.unusual;
    };
    expect([0xc0, 0xc1, 0xc2].map((marker) => unusual(marker))).toEqual([undefined, undefined, undefined]);
    expect([0xc3, 0xcb, 0xc5, 0xc9, 0xca].map((marker) => unusual(marker))).toEqual([
      ...["lossless coding", "lossless coding", "hierarchical coding"],
      ...["arithmetic coding", "arithmetic coding"],
    ]);
    expect(unusual(0xc1, 12)).toBe("more than 8 bits per value");
    expect(jpegFrame(image.subarray(0, at))).toBeUndefined();
    expect(jpegFrame(Buffer.from("GIF89a"))).toBeUndefined();
  });
});

describe("the size of a JPEG", () => {
  it.each([
    ["without a profile", {}],
    ["with another profile than sRGB", { profile: "p3" }],
  ])("may be that of a phone with 50 megapixels, %s", async (_, { profile }: { profile?: string }) => {
    const icc =
      profile &&
      (await sharp(await jpeg())
        .withIccProfile(profile)
        .toBuffer());
    const pixels = await toPixels(flatJpeg(8160, 6144, icc ? profileSegment(icc) : Buffer.of()), options);
    for (const value of pixels) expect(Math.abs(value - 128)).toBeLessThan(2);
  });

  it("may be reached by a narrow image with another profile than sRGB", async () => {
    const icc = await sharp(await jpeg())
      .withIccProfile("p3")
      .toBuffer();
    const wide = await toPixels(flatJpeg(60_000, 900, profileSegment(icc)), { ...options, size: 256 });
    expect(Math.abs(wide.at(-1)! - 128)).toBeLessThan(2);
  });

  it("is limited by the memory that it needs", async () => {
    await expect(toPixels(flatJpeg(12_000, 9000), options)).rejects.toThrow(
      "is too large: 12000 × 9000 pixels; at most 100 million are read of a JPEG. Scale it down",
    );
    const progressive = await jpeg({ progressive: true, chromaSubsampling: "4:4:4" });
    const frame = progressive.indexOf(Buffer.of(0xff, 0xc2));
    progressive.writeUInt16BE(6144, frame + 5);
    progressive.writeUInt16BE(8160, frame + 7);
    await expect(toPixels(progressive, options)).rejects.toThrow(
      "is too large: 8160 × 6144 pixels; at most 50 million are read of a progressive JPEG with colours at full resolution",
    );
  });
});

/** The ICC profile's segment of a JPEG. */
function profileSegment(image: Buffer): Buffer {
  const at = image.indexOf("ICC_PROFILE") - 4;
  return image.subarray(at, at + 2 + image.readUInt16BE(at + 2));
}

/** A JPEG of the middle grey in three components: its codes have one bit, so all data are zeros. */
function flatJpeg(width: number, height: number, segment: Buffer = Buffer.of()): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16BE(height, 0);
  size.writeUInt16BE(width, 2);
  const table = (id: string) => `ffc40014${id}01${"00".repeat(16)}`;
  return Buffer.concat([
    ...[Buffer.from("ffd8", "hex"), segment],
    ...[Buffer.from("ffdb004300", "hex"), Buffer.alloc(64, 1)],
    ...[Buffer.from("ffc0001108", "hex"), size, Buffer.from("03011100021100031100", "hex")],
    Buffer.from(`${table("00")}${table("10")}ffda000c03010002000300003f00`, "hex"),
    // In each block and component two codes of one bit.
    Buffer.alloc(Math.ceil((Math.ceil(width / 8) * Math.ceil(height / 8) * 3 * 2) / 8)),
    Buffer.from("ffd9", "hex"),
  ]);
}
