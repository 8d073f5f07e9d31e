/**
 * SHA-256 in hexadecimal digits. Uses the engine's own, which pages have only in secure contexts (HTTPS, localhost);
 * elsewhere it is computed here, at about a hundred megabytes per second.
 */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = globalThis.crypto ?? {};
  return hex(subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes)) : sha256(bytes));
}

/** SHA-256 (FIPS 180-4, section 6.2): 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const state = Uint32Array.from(INITIAL);
  const whole = bytes.length - (bytes.length % 64);
  for (let at = 0; at < whole; at += 64) addBlock(state, bytes, at);
  // The rest, a bit 1, zeros, and the length in bits as a 64-bit number, in one block or two.
  const rest = bytes.length - whole;
  const last = new Uint8Array(rest < 56 ? 64 : 128);
  last.set(bytes.subarray(whole));
  last[rest] = 0x80;
  new DataView(last.buffer).setBigUint64(last.length - 8, BigInt(bytes.length) * 8n);
  for (let at = 0; at < last.length; at += 64) addBlock(state, last, at);
  const digest = new Uint8Array(32);
  const view = new DataView(digest.buffer);
  for (const [i, word] of state.entries()) view.setUint32(i * 4, word);
  return digest;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const schedule = new Uint32Array(64);

function addBlock(state: Uint32Array, bytes: Uint8Array, at: number): void {
  const w = schedule;
  for (let i = 0; i < 16; i++) {
    const byte = at + i * 4;
    w[i] = (bytes[byte]! << 24) | (bytes[byte + 1]! << 16) | (bytes[byte + 2]! << 8) | bytes[byte + 3]!;
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!;
    const y = w[i - 2]!;
    w[i] =
      w[i - 16]! +
      (turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)) +
      w[i - 7]! +
      (turned(y, 17) ^ turned(y, 19) ^ (y >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as Eight;
  for (let i = 0; i < 64; i++) {
    const first =
      (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + CONSTANTS[i]! + w[i]!) | 0;
    const second = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e] = [g, f, e, (d + first) | 0];
    [d, c, b, a] = [c, b, a, (first + second) | 0];
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i]! += value;
}

type Eight = [number, number, number, number, number, number, number, number];

function turned(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

const PRIMES = firstPrimes(64);
/** The first 32 bits of the fractions of the roots of the first primes. */
const INITIAL = PRIMES.slice(0, 8).map((prime) => fractionBits(prime, 2n));
const CONSTANTS = PRIMES.map((prime) => fractionBits(prime, 3n));

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

/** ⌊2³² · ᵈ√prime⌋ mod 2³², by bisection in whole numbers: engines do not agree on `Math.cbrt`. */
function fractionBits(prime: number, degree: bigint): number {
  const target = BigInt(prime) << (32n * degree);
  let low = 0n;
  for (let bit = 1n << 40n; bit > 0n; bit >>= 1n) if ((low + bit) ** degree <= target) low += bit;
  return Number(low & 0xffffffffn);
}
