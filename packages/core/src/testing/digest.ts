/**
 * For tests, which also run in browsers: a digest of a text or of a typed array's elements, 16 hexadecimal digits
 * (FNV-1a, 64 bits). Bytes are taken in little-endian order on every machine.
 */
export function digest(data: string | Float32Array): string {
  const bytes = typeof data === "string" ? codeUnits(data) : words(data);
  let [high, low] = [0xcbf29ce4, 0x84222325];
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    // × 0x100000001b3 = 2⁴⁰ + 435
    const product = low * 435;
    high = (high * 435 + Math.floor(product / 2 ** 32) + low * 256) % 2 ** 32;
    low = product % 2 ** 32;
  }
  return [high, low].map((word) => word.toString(16).padStart(8, "0")).join("");
}

function* codeUnits(text: string): Generator<number> {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    yield unit & 0xff;
    yield unit >>> 8;
  }
}

function* words(array: Float32Array): Generator<number> {
  const view = new DataView(new ArrayBuffer(4));
  for (const value of array) {
    view.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) yield view.getUint8(i);
  }
}
