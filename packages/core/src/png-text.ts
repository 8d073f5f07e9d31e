import { UserError } from "./errors.js";

/**
 * Adds texts, keyword → text, to a PNG, in the chunks that image tools read ("Description", "Software", …):
 * tEXt for Latin-1, iTXt for other scripts (PNG specification, 11.3.3), before the pixels. The pixels are
 * unchanged. A keyword is 1 to 79 ASCII characters.
 */
export function withTexts(png: Uint8Array, texts: Record<string, string>): Uint8Array<ArrayBuffer> {
  const [header, ...rest] = chunks(png);
  return concatenated([
    PNG_SIGNATURE,
    header!.whole,
    ...textChunks(texts),
    ...rest.map(({ whole }) => whole),
  ]);
}

/** The chunks that `withTexts` adds. */
export function textChunks(texts: Record<string, string>): Uint8Array[] {
  return Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text));
}

/**
 * The texts in `png`, keyword → text; compressed ones are ignored.
 * @throws UserError `file.invalid` if it is not a complete PNG
 */
export function readTexts(png: Uint8Array): Record<string, string> {
  return Object.fromEntries(chunks(png).flatMap(({ type, data }) => decoders[type]?.(data) ?? []));
}

/** The first eight bytes of a PNG. */
export const PNG_SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** A chunk of a PNG: length, type, data and checksum. `type` is four ASCII letters. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(data.length + 12);
  const view = new DataView(whole.buffer);
  view.setUint32(0, data.length);
  whole.set(latin1(type), 4);
  whole.set(data, 8);
  view.setUint32(data.length + 8, crc32(whole.subarray(4, data.length + 8)));
  return whole;
}

/** `parts`, one after another. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Every engine has them, but the language's own library has no types of them. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

interface Chunk {
  type: string;
  data: Uint8Array;
  /** Length, type, data and checksum. */
  whole: Uint8Array;
}

function chunks(png: Uint8Array): Chunk[] {
  if (PNG_SIGNATURE.some((byte, i) => png[i] !== byte))
    throw new UserError("not a PNG: its first eight bytes are not PNG's signature", { code: "file.invalid" });
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const found: Chunk[] = [];
  for (let at = 8; at < png.length; ) {
    const length = at + 12 <= png.length ? view.getUint32(at) : Number.POSITIVE_INFINITY;
    const end = at + 12 + length;
    if (end > png.length)
      throw new UserError(`a PNG truncated after ${png.length} bytes`, { code: "file.invalid" });
    const type = fromLatin1(png.subarray(at + 4, at + 8));
    if (crc32(png.subarray(at + 4, end - 4)) !== view.getUint32(end - 4))
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

function textChunk(keyword: string, text: string): Uint8Array {
  if (!/^[!-~]([ -~]{0,77}[!-~])?$/.test(keyword))
    throw new RangeError(
      `not a PNG keyword: "${keyword}"; expected 1 to 79 ASCII characters, without spaces at its ends`,
    );
  // Both kinds of chunk may contain line feeds, but no NUL.
  const clean = text.replaceAll("\0", "\ufffd").replace(/\r\n?/g, "\n");
  if (/^[\n -~\xa0-\xff]*$/.test(clean)) return pngChunk("tEXt", latin1(`${keyword}\0${clean}`));
  // Keyword, not compressed (two bytes), no language, no translated keyword.
  return pngChunk("iTXt", new TextEncoder().encode(`${keyword}\0\0\0\0\0${clean}`));
}

type TextChunkDecoder = (data: Uint8Array) => [keyword: string, text: string][];

const decoders: Record<string, TextChunkDecoder> = {
  tEXt(data) {
    const [keyword, rest] = cut(data);
    return [[keyword, fromLatin1(rest)]];
  },
  iTXt(data) {
    const [keyword, rest] = cut(data);
    const [, afterLanguage] = cut(rest.subarray(2));
    const [, text] = cut(afterLanguage);
    return rest[0] === 0 ? [[keyword, new TextDecoder().decode(text)]] : [];
  },
};

/** Splits `data` at the first NUL. */
function cut(data: Uint8Array): [before: string, after: Uint8Array] {
  const at = data.indexOf(0);
  return at < 0
    ? [fromLatin1(data), new Uint8Array()]
    : [fromLatin1(data.subarray(0, at)), data.subarray(at + 1)];
}

/** Bytes of a text whose characters are all below U+0100. */
function latin1(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

/** Not TextDecoder: its "latin1" is Windows-1252. */
function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  // In parts, because a call has a limit of arguments.
  for (let at = 0; at < bytes.length; at += 8192)
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}

/** CRC-32 of PNG and gzip (PNG specification, 5.5): 0xedb88320 is its polynomial, lowest bit first. */
function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) value = table[(value ^ byte) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
