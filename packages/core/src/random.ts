/**
 * A small seeded random number generator for everything outside tensors: drawing data, shuffling, cropping, pairing.
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, the same numbers on every machine.
 */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 1;

  /** One stream for each `seed` and list of `labels`, so that streams do not depend on the order of their use. */
  constructor(seed: number, ...labels: (string | number)[]) {
    const [a, b, c] = hash(`${seed}/${labels.join("/")}`);
    this.state = [a, b, c, 1];
    for (let i = 0; i < 15; i++) this.uint32();
  }

  /** The four words of state. Setting saved words resumes the stream. */
  get state(): [number, number, number, number] {
    return [this.#a, this.#b, this.#c, this.#d];
  }

  set state([a, b, c, d]: [number, number, number, number]) {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    this.#d = d | 0;
  }

  /** Uniform over 0 … 2³² − 1. */
  uint32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + t) | 0;
    return t >>> 0;
  }

  /** Uniform over [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.uint32() / 0x1_0000_0000);
  }

  /** A whole number from 0 to `n` − 1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** One of `items`. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** `items` in a random order (Fisher–Yates), as a new array. */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}

/** Three 32-bit words from a text (cyrb-style mixing). */
function hash(text: string): [number, number, number] {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  let c = 0x9e3779b9;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x85ebca77);
    b = Math.imul(b ^ code, 0xc2b2ae3d);
    c = Math.imul(c ^ code, 0x27d4eb2f);
    a ^= b >>> 15;
    b ^= c >>> 13;
    c ^= a >>> 16;
  }
  return [a, b, c];
}
