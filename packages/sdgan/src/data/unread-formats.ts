import { tiffTag } from "./tiff-tags.js";

/**
 * Which format that is not read a file has, from its first bytes, with the remedy, to be put after the
 * image's name: "is HEIC, which is not read: convert it to JPEG". Undefined for everything else. The name of
 * the file does not matter: phones and programs store HEIC as `.jpg`.
 */
export function describeUnread(bytes: Buffer): string | undefined {
  const format = isoFormat(bytes) ?? SIGNATURES.find(({ matches }) => matches(bytes))?.format;
  if (format === undefined) return undefined;
  const { name, kind = "image" } = format;
  if (kind === "image") return `is ${name}, which is not read: convert it to JPEG or PNG`;
  return `is ${name}, not an image: ${REMEDIES[kind]}`;
}

interface Format {
  name: string;
  /** What it contains, if not one image. */
  kind?: keyof typeof REMEDIES;
}

const REMEDIES = {
  video: "give a frame of it as JPEG or PNG",
  document: "give its image as JPEG or PNG",
  archive: "unpack it",
};

/** Formats of the ISO base media file format (ISO 14496-12): `ftyp` and the brands it conforms to. */
function isoFormat(bytes: Buffer): Format | undefined {
  const type = text(bytes, 4, 8);
  if (QUICKTIME.has(type)) return { name: "a QuickTime video", kind: "video" };
  if (type !== "ftyp") return undefined;
  const end = Math.min(bytes.readUInt32BE(0), bytes.length, MAX_FTYP);
  const brands = [text(bytes, 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(text(bytes, at, at + 4));
  // AVIF is read. The general brands say only that there are images.
  const named = brands.find((brand) => !GENERAL_BRANDS.has(brand));
  if (named === undefined) return { name: "HEIF" };
  if (/^avi[fso]$/.test(named)) return undefined;
  if (/^(he[iv][a-z0-9]|hev[cxms])$/.test(named)) return { name: "HEIC" };
  if (named === "crx ") return { name: "a camera's raw file" };
  if (/^(avc|jpeg|jpgs|j2ki|vvi)/.test(named)) return { name: "HEIF" };
  return { name: named === "qt  " ? "a QuickTime video" : "an MP4 video", kind: "video" };
}

const QUICKTIME = new Set(["moov", "mdat", "wide", "skip"]);
const GENERAL_BRANDS = new Set(["mif1", "mif2", "msf1", "miaf", "mia1", "MiHB", "MiHA", "MiHE", "MiPr"]);
const MAX_FTYP = 512;

const SIGNATURES: { matches: (bytes: Buffer) => boolean; format: Format }[] = [
  signature("0000000c4a584c200d0a870a", { name: "JPEG XL" }),
  signature("ff0a", { name: "JPEG XL" }),
  signature("0000000c6a5020200d0a870a", { name: "JPEG 2000" }),
  signature("ff4fff51", { name: "JPEG 2000" }),
  signature("4949bc", { name: "JPEG XR" }),
  { matches: isBmp, format: { name: "BMP" } },
  { matches: isIcon, format: { name: "an icon (ICO)" } },
  signature("8BPS", { name: "a Photoshop file (PSD)" }),
  signature("gimp xcf", { name: "a GIMP file (XCF)" }),
  signature("qoif", { name: "QOI" }),
  signature("DDS ", { name: "DDS" }),
  signature("#?RADIANCE", { name: "Radiance HDR" }),
  signature("#?RGBE", { name: "Radiance HDR" }),
  signature("762f3101", { name: "OpenEXR" }),
  signature("SIMPLE  =", { name: "FITS" }),
  { matches: (bytes) => /^P[1-7fF][ \t\r\n#]/.test(text(bytes, 0, 3)), format: { name: "PNM" } },
  { matches: (bytes) => text(bytes, 128, 132) === "DICM", format: { name: "DICOM" } },
  { matches: isCameraRaw, format: { name: "a camera's raw file" } },
  signature("%PDF-", { name: "a PDF", kind: "document" }),
  signature("%!PS", { name: "PostScript", kind: "document" }),
  signature("c5d0d3c6", { name: "PostScript", kind: "document" }),
  signature("AT&TFORM", { name: "DjVu", kind: "document" }),
  { matches: (bytes) => riffType(bytes) === "AVI ", format: { name: "an AVI video", kind: "video" } },
  signature("1a45dfa3", { name: "a Matroska or WebM video", kind: "video" }),
  signature("464c5601", { name: "a Flash video", kind: "video" }),
  signature("3026b2758e66cf11", { name: "a Windows Media video", kind: "video" }),
  signature("000001ba", { name: "an MPEG video", kind: "video" }),
  signature("000001b3", { name: "an MPEG video", kind: "video" }),
  signature("OggS", { name: "an Ogg video", kind: "video" }),
  signature("504b0304", { name: "a ZIP archive", kind: "archive" }),
  signature("526172211a07", { name: "a RAR archive", kind: "archive" }),
  signature("377abcaf271c", { name: "a 7-Zip archive", kind: "archive" }),
];

/** A file that begins with these bytes: in hexadecimal, if they are not text. */
function signature(start: string, format: Format) {
  const bytes = Buffer.from(start, /^([0-9a-f]{2})+$/.test(start) ? "hex" : "latin1");
  return { matches: (file: Buffer) => file.subarray(0, bytes.length).equals(bytes), format };
}

function isBmp(bytes: Buffer): boolean {
  // The size of the second header; a text can begin with "BM".
  return text(bytes, 0, 2) === "BM" && bytes.length >= 26 && BMP_HEADERS.has(bytes.readUInt32LE(14));
}

const BMP_HEADERS = new Set([12, 16, 40, 52, 56, 64, 108, 124]);

function isIcon(bytes: Buffer): boolean {
  // Type 1 is an icon, type 2 a cursor; then the number of images, and after the first sizes a zero.
  if (bytes.length < 22 || bytes.readUInt16LE(0) !== 0) return false;
  return [1, 2].includes(bytes.readUInt16LE(2)) && bytes.readUInt16LE(4) > 0 && bytes[9] === 0;
}

/** Most of them are TIFFs whose first image is only a preview; DNG has a tag of its own. */
function isCameraRaw(bytes: Buffer): boolean {
  return (
    tiffTag(bytes, 50_706) !== undefined ||
    text(bytes, 0, 8) === "FUJIFILM" ||
    ["IIU\0", "IIRO", "IIRS", "MMOR"].includes(text(bytes, 0, 4)) ||
    (text(bytes, 0, 4) === "II*\0" && text(bytes, 8, 10) === "CR")
  );
}

function riffType(bytes: Buffer): string | undefined {
  return text(bytes, 0, 4) === "RIFF" ? text(bytes, 8, 12) : undefined;
}

function text(bytes: Buffer, from: number, to: number): string {
  return bytes.toString("latin1", from, to);
}
