/**
 * The segments of a JPEG (ITU-T T.81, annex B), as libjpeg finds them: up to the end marker of the image.
 * What follows it, such as the video of a motion photo or further images, and what is inside other segments,
 * such as a thumbnail, belongs to no scan.
 */

/** Whether a JPEG has more than `most` scans. False for every other file. Takes linear time. */
export function hasMoreScans(encoded: Buffer, most: number): boolean {
  if (!isJpeg(encoded) || !hasMoreMarkers(encoded, most)) return false;
  let scans = 0;
  for (const { marker } of segments(encoded)) if (marker === SOS && ++scans > most) return true;
  return false;
}

/** The frame header of a JPEG, and what its decoding needs. */
export interface JpegFrame {
  /** Its coding, if it is unusual. */
  unusual?: "arithmetic coding" | "lossless coding" | "hierarchical coding" | "more than 8 bits per value";
  /** Bytes of memory for its coefficients: 0 if they are decoded row by row. */
  coefficientBytes: number;
}

/** The frame header of a JPEG; undefined for other files and for a JPEG without one. */
export function jpegFrame(encoded: Buffer): JpegFrame | undefined {
  if (!isJpeg(encoded)) return undefined;
  let frame: { at: number; type: number; components: number } | undefined;
  for (const { marker, at, end } of segments(encoded)) {
    if (isFrame(marker) && end - at >= 6) frame = { at, type: marker - SOF0, components: encoded[at + 5]! };
    if (marker !== SOS) continue;
    if (!frame || frame.at + 6 + 3 * frame.components > encoded.length) return undefined;
    const { type } = frame;
    const isProgressive = type % 4 === 2;
    const isInterleaved = encoded[at] === frame.components;
    const unusual =
      type % 4 === 3
        ? ("lossless coding" as const)
        : type % 8 >= 5
          ? ("hierarchical coding" as const)
          : type >= 9
            ? ("arithmetic coding" as const)
            : encoded[frame.at]! > 8
              ? ("more than 8 bits per value" as const)
              : undefined;
    return {
      coefficientBytes: isProgressive || !isInterleaved ? coefficientBytes(encoded, frame) : 0,
      ...(unusual && { unusual }),
    };
  }
  return undefined;
}

/** Two bytes for each value of each component, which may have fewer values than the image has pixels. */
function coefficientBytes(encoded: Buffer, { at, components }: { at: number; components: number }): number {
  const [height, width] = [encoded.readUInt16BE(at + 1), encoded.readUInt16BE(at + 3)];
  const factors = Array.from({ length: components }, (_, i) => encoded[at + 7 + 3 * i]!);
  const [across, down] = [factors.map((factor) => factor >> 4), factors.map((factor) => factor & 15)];
  const values = across.reduce((sum, factor, i) => sum + factor * down[i]!, 0);
  return (2 * width * height * values) / Math.max(1, Math.max(...across) * Math.max(...down));
}

interface Segment {
  marker: number;
  /** Where its content begins and ends. */
  at: number;
  end: number;
}

/** All segments that have content, up to the end of the image. */
function* segments(encoded: Buffer): Generator<Segment> {
  for (let at = 2; ; ) {
    // As libjpeg does, skips everything up to the next marker. That includes a scan's data, in which 0xff is
    // followed by 0 or by a restart marker.
    while (at < encoded.length && encoded[at] !== 0xff) at++;
    while (encoded[at] === 0xff) at++;
    const marker = encoded[at++];
    if (marker === undefined || marker === EOI) return;
    if (marker < SOF0 || (marker >= RST0 && marker <= SOI)) continue;
    if (at + 2 > encoded.length) return;
    const end = at + Math.max(2, encoded.readUInt16BE(at));
    yield { marker, at: at + 2, end };
    at = end;
  }
}

/** Whether the bytes of the marker occur more often, anywhere: fast, and false for almost every file. */
function hasMoreMarkers(encoded: Buffer, most: number): boolean {
  let count = 0;
  for (let at = encoded.indexOf(SCAN); at >= 0 && count <= most; at = encoded.indexOf(SCAN, at + 2)) count++;
  return count > most;
}

function isJpeg(encoded: Buffer): boolean {
  return encoded[0] === 0xff && encoded[1] === SOI;
}

/** SOF0 to SOF15: not the tables of Huffman and arithmetic codes, nor the reserved marker. */
function isFrame(marker: number): boolean {
  return marker >= SOF0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

const [SOF0, RST0, SOI, EOI, SOS] = [0xc0, 0xd0, 0xd8, 0xd9, 0xda];

const SCAN = Buffer.of(0xff, SOS);
