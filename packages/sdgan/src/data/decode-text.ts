import { isUtf8 } from "node:buffer";

/** A decoded text. */
export interface DecodedText {
  /** Without a byte order mark. */
  text: string;
  /** What to report if it is not UTF-8, such as "is not UTF-8 and was read as Windows-1252". */
  note?: string;
}

/**
 * Decodes a text file. UTF-8 is expected. UTF-16 is recognized by its byte order mark, or without one by the
 * zero bytes of its ASCII characters. Bytes that are not UTF-8 are read as Windows-1252, which western
 * editors on Windows write: it has a character for nearly every byte, so it is a guess, and `note` says so.
 * Bytes of another kind of file give a text with zero characters.
 */
export function decodeText(bytes: Buffer): DecodedText {
  // Nearly all files, and much faster than TextDecoder for short ones.
  if (isUtf8(bytes) && !bytes.includes(0)) return { text: bytes.toString("utf8").replace(/^\ufeff/, "") };
  const utf16 = utf16Of(bytes);
  if (utf16) return { text: decode(bytes, utf16), note: `was read as UTF-16` };
  if (isUtf8(bytes)) return { text: decode(bytes, "utf-8") };
  return {
    text: windows1252(bytes),
    note: "is not UTF-8 and was read as Windows-1252; save it as UTF-8 if that is wrong",
  };
}

function decode(bytes: Buffer, encoding: string): string {
  return new TextDecoder(encoding).decode(bytes); // It removes the byte order mark.
}

/** Node 20's TextDecoder reads Windows-1252 as Latin-1, which lacks the characters of bytes 0x80 to 0x9f. */
function windows1252(bytes: Buffer): string {
  return bytes.toString("latin1").replace(/[\x80-\x9f]/g, (byte) => WINDOWS[byte.charCodeAt(0) - 0x80]!);
}

/** The characters of bytes 0x80 to 0x9f; the five that have none keep their number. */
const WINDOWS = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

function utf16Of(bytes: Buffer): "utf-16le" | "utf-16be" | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes.length < 4 || bytes.length % 2 !== 0) return undefined;
  // ASCII characters have a zero byte each, always on the same side; no text in UTF-8 has any.
  const pairs = bytes.subarray(0, SAMPLE_BYTES);
  const zeros = [0, 0];
  for (let at = 0; at < pairs.length; at++) if (pairs[at] === 0) zeros[at % 2]!++;
  const enough = pairs.length / 2 / 4;
  if (zeros[0] === 0 && zeros[1]! > enough) return "utf-16le";
  if (zeros[1] === 0 && zeros[0]! > enough) return "utf-16be";
  return undefined;
}

/** Even, so that it ends at a character. */
const SAMPLE_BYTES = 4096;
