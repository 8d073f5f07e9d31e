import { crc32 } from "node:zlib";
import { UserError } from "@sdgan/core";

/**
 * Adds texts, keyword → text, to a PNG, in the chunks that image tools read ("Description", "Software", …):
 * tEXt for Latin-1, iTXt for other scripts (PNG specification, 11.3.3), before the pixels. The pixels are
 * unchanged. A keyword is 1 to 79 ASCII characters.
 */
export function withTexts(png: Buffer, texts: Record<string, string>): Buffer {
  const [header, ...rest] = chunks(png);
  const added = Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text));
  return Buffer.concat([signature, header!.whole, ...added, ...rest.map(({ whole }) => whole)]);
}

/**
 * The texts in `png`, keyword → text; compressed ones are ignored.
 * @throws UserError if it is not a complete PNG.
 */
export function readTexts(png: Buffer): Record<string, string> {
  return Object.fromEntries(chunks(png).flatMap(({ type, data }) => decoders[type]?.(data) ?? []));
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

interface Chunk {
  type: string;
  data: Buffer;
  /** Length, type, data and checksum. */
  whole: Buffer;
}

function chunks(png: Buffer): Chunk[] {
  if (!png.subarray(0, 8).equals(signature))
    throw new UserError("not a PNG: its first eight bytes are not PNG's signature", { code: "file.invalid" });
  const found: Chunk[] = [];
  for (let at = 8; at < png.length; ) {
    const length = at + 12 <= png.length ? png.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    const end = at + 12 + length;
    if (end > png.length)
      throw new UserError(`a PNG truncated after ${png.length} bytes`, { code: "file.invalid" });
    const type = png.toString("latin1", at + 4, at + 8);
    if (crc32(png.subarray(at + 4, end - 4)) !== png.readUInt32BE(end - 4))
      throw new UserError(`a damaged PNG: the checksum of its ${JSON.stringify(type)} chunk is wrong`, {
        code: "file.invalid",
      });
    found.push({ type, data: png.subarray(at + 8, end - 4), whole: png.subarray(at, end) });
    at = end;
  }
  if (found[0]?.type !== "IHDR" || found.at(-1)?.type !== "IEND")
    throw new UserError("a PNG without an IHDR chunk at its beginning or an IEND chunk at its end", {
      code: "file.invalid",
    });
  return found;
}

function textChunk(keyword: string, text: string): Buffer {
  if (!/^[!-~]([ -~]{0,77}[!-~])?$/.test(keyword))
    throw new RangeError(
      `not a PNG keyword: "${keyword}"; expected 1 to 79 ASCII characters, without spaces at its ends`,
    );
  // Both kinds of chunk may contain line feeds, but no NUL.
  const clean = text.replaceAll("\0", "\ufffd").replace(/\r\n?/g, "\n");
  if (/^[\n -~\xa0-\xff]*$/.test(clean)) return chunk("tEXt", Buffer.from(`${keyword}\0${clean}`, "latin1"));
  // Keyword, not compressed (two bytes), no language, no translated keyword.
  return chunk("iTXt", Buffer.from(`${keyword}\0\0\0\0\0${clean}`));
}

function chunk(type: string, data: Buffer): Buffer {
  const whole = Buffer.alloc(data.length + 12);
  whole.writeUInt32BE(data.length);
  whole.write(type, 4, "latin1");
  data.copy(whole, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, data.length + 8)), data.length + 8);
  return whole;
}

type TextChunkDecoder = (data: Buffer) => [keyword: string, text: string][];

const decoders: Record<string, TextChunkDecoder> = {
  tEXt(data) {
    const [keyword, rest] = cut(data);
    return [[keyword, rest.toString("latin1")]];
  },
  iTXt(data) {
    const [keyword, rest] = cut(data);
    const [, afterLanguage] = cut(rest.subarray(2));
    const [, text] = cut(afterLanguage);
    return rest[0] === 0 ? [[keyword, text.toString("utf8")]] : [];
  },
};

/** Splits `data` at the first NUL. */
function cut(data: Buffer): [before: string, after: Buffer] {
  const at = data.indexOf(0);
  return at < 0
    ? [data.toString("latin1"), Buffer.alloc(0)]
    : [data.toString("latin1", 0, at), data.subarray(at + 1)];
}
