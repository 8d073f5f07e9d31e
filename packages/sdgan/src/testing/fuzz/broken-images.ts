import { constants, crc32, deflateRawSync } from "node:zlib";
import sharp from "sharp";
import { hostilePaths } from "./mutations.js";

/** Broken images, and small files that decode to huge images, by description. */
export async function brokenImages(): Promise<Map<string, Buffer>> {
  const broken = new Map<string, Buffer>();
  const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31 + i * 7) % 256));
  const image = () => sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
  const whole = {
    jpeg: await image().jpeg().toBuffer(),
    "progressive jpeg": await image().jpeg({ progressive: true }).toBuffer(),
    png: await image().png().toBuffer(),
    webp: await image().webp().toBuffer(),
    gif: await image().gif().toBuffer(),
    tiff: await image().tiff().toBuffer(),
    avif: await image().avif({ effort: 0 }).toBuffer(),
  };
  for (const [format, bytes] of Object.entries(whole)) {
    broken.set(`${format}, its first 16 bytes`, bytes.subarray(0, 16));
    broken.set(`${format}, its first half`, bytes.subarray(0, bytes.length / 2));
    broken.set(`${format} without its end`, bytes.subarray(0, bytes.length - 20));
    broken.set(`${format} with a hole`, Buffer.concat([bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2 + 99)])); // biome-ignore format: short
    broken.set(`${format}, twice`, Buffer.concat([bytes, bytes]));
  }
  const huge = [65_000, 16_000, 9_990];
  // The last one is just below the accepted size.
  for (const side of huge) {
    broken.set(`jpeg with a header of ${side}²`, withJpegSize(whole.jpeg, side));
    broken.set(`progressive jpeg with a header of ${side}²`, withJpegSize(whole["progressive jpeg"], side));
  }
  const markers = Buffer.alloc(3_000_000, Buffer.of(0xff, 0xda, 0x17));
  broken.set("jpeg with markers of scans after its end", Buffer.concat([whole.jpeg, markers]));
  broken.set(
    "jpeg with markers of scans in place of its end",
    Buffer.concat([whole.jpeg.subarray(0, -2), markers]),
  );
  broken.set("jpeg of 5 MB without its end", Buffer.concat([whole.jpeg.subarray(0, -2), markers.subarray(0, 600), Buffer.alloc(5e6, Buffer.of(0xff, 0))])); // biome-ignore format: short
  broken.set("tiff with a table of 65,535 entries", Buffer.concat([Buffer.from("49492a0008000000ffff", "hex"), Buffer.alloc(800_000)])); // biome-ignore format: short
  broken.set(
    "heic of endless brands",
    Buffer.concat([Buffer.from("fffffff06674797068656963", "hex"), Buffer.alloc(1e6)]),
  );
  broken.set("png of 30,000² in one bit", png(30_000, 1, 0));
  broken.set("png of 12,000² in colour", png(12_000, 8, 2));
  broken.set("png of 0 × 0", png(0, 8, 2));
  broken.set("png of 2³¹ − 1 a side", pngHeader(2 ** 31 - 1));
  broken.set("gif with a header of 65,535²", withGifSize(whole.gif, 65_535));
  broken.set("svg of 10⁹ a side", svg("<rect width='9' height='9'/>", 1e9));
  broken.set("svg of 0 a side", svg("", 0));
  broken.set(
    "svg of 100 × 10⁹",
    Buffer.from(svg("").toString().replace('height="64"', 'height="1000000000"')),
  );
  broken.set("svg of entities", Buffer.from(`<!DOCTYPE svg [${entities()}]>${svg("<text>&e9;</text>")}`));
  broken.set("svg of uses", svg(`<g id="u0"><rect width="1" height="1"/></g>${uses()}<use href="#u9"/>`));
  broken.set(
    "svg in itself",
    svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g><use href="#a"/>'),
  );
  broken.set("svg 100,000 deep", svg("<g>".repeat(100_000)));
  for (const path of hostilePaths.slice(0, 6)) {
    broken.set(`svg with ${path}`, svg(`<image href="${path}" width="64" height="64"/>`));
  }
  broken.set("svg with an outer entity", Buffer.from(`<!DOCTYPE svg [<!ENTITY x SYSTEM "../secret/words.txt">]>${svg("<text>&x;</text>")}`)); // biome-ignore format: short
  broken.set("nothing", Buffer.alloc(0));
  broken.set("zeros", Buffer.alloc(100_000));
  broken.set("a web page", Buffer.from("<!DOCTYPE html><html><body>404</body></html>"));
  broken.set("a zip file", Buffer.from("504b0304140000000800", "hex"));
  broken.set("a PDF", Buffer.from("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"));
  return broken;
}

/** Sets width and height in a JPEG's frame header (SOF0 or SOF2). */
function withJpegSize(jpeg: Buffer, side: number): Buffer {
  const changed = Buffer.from(jpeg);
  const at = Math.max(jpeg.indexOf("ffc0", 0, "hex"), jpeg.indexOf("ffc2", 0, "hex"));
  changed.writeUInt16BE(side, at + 5);
  changed.writeUInt16BE(side, at + 7);
  return changed;
}

function withGifSize(gif: Buffer, side: number): Buffer {
  const changed = Buffer.from(gif);
  changed.writeUInt16LE(side, 6);
  changed.writeUInt16LE(side, 8);
  return changed;
}

/** A PNG of zeros, which deflate compresses to about a thousandth. */
function png(side: number, bits: number, colour: number): Buffer {
  const row = 1 + Math.ceil((side * bits * (colour === 2 ? 3 : 1)) / 8);
  return Buffer.concat([
    pngHeader(side, bits, colour),
    chunk("IDAT", zeros(row * side)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function pngHeader(side: number, bits = 8, colour = 2): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = bits;
  header[9] = colour;
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header)]);
}

/** `count` zeros compressed for zlib, without allocating all of them. */
function zeros(count: number): Buffer {
  const block = 2 ** 20;
  const packed = deflateRawSync(Buffer.alloc(block), { finishFlush: constants.Z_FULL_FLUSH });
  const rest = deflateRawSync(Buffer.alloc(count % block));
  const adler = Buffer.alloc(4);
  adler.writeUInt32BE((count % 65_521) * 2 ** 16 + 1);
  return Buffer.concat([
    Buffer.from([0x78, 0x01]),
    ...Array(Math.floor(count / block)).fill(packed),
    rest,
    adler,
  ]);
}

function chunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

function svg(content: string, side = 64): Buffer {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">${content}</svg>`,
  );
}

/** Ten entities, each of ten of the previous one: 10⁹ characters in the last. */
function entities(): string {
  const ten = (i: number) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`;
  return `<!ENTITY e0 "x">${Array.from({ length: 9 }, (_, i) => ten(i)).join("")}`;
}

function uses(): string {
  const ten = (i: number) => `<g id="u${i + 1}">${`<use href="#u${i}"/>`.repeat(10)}</g>`;
  return Array.from({ length: 9 }, (_, i) => ten(i)).join("");
}
