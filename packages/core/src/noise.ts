import { Random } from "./random.js";

/**
 * Samples `count` numbers of a normal distribution with mean 0 and variance 1, for image `number` of `seed`. The bits
 * are the same in every JavaScript engine. `label` separates streams of one image, such as z and ε. The numbers for a
 * larger `count` start with those for a smaller one.
 *
 * Box–Muller: two uniform numbers u and t of the seeded stream give √(−2 ln u)·cos 2πt and √(−2 ln u)·sin 2πt, in
 * float64, rounded to float32. ECMAScript leaves the last bits of `Math.log`, `Math.sin` and `Math.cos` to each
 * engine, so they are computed here with + − × ÷, which IEEE 754 defines to the bit, as is every engine's `Math.sqrt`.
 * The largest magnitude is √(106 ln 2) = 8.57.
 */
export function normalNoise(
  seed: number,
  number: number,
  count: number,
  label = "noise",
): Float32Array<ArrayBuffer> {
  const random = new Random(seed, "normal", label, number);
  const noise = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * logarithm(uniform52(random)));
    const [cosine, sine] = onCircle(random.uint32());
    noise[i] = radius * cosine;
    if (i + 1 < count) noise[i + 1] = radius * sine;
  }
  return noise;
}

/** (k + ½) / 2⁵² for a uniform whole number k below 2⁵²: neither 0 nor 1. */
function uniform52(random: Random): number {
  const high = random.uint32();
  const low = random.uint32() >>> 12;
  return (high * 2 ** 20 + low + 0.5) / 2 ** 52;
}

/**
 * ln x for 0 < x ≤ 1, to 1e-15 of its value: x = m·2^−e with m from √½ to √2 on, and
 * ln m = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …) with s = (m − 1) / (m + 1), |s| < 0.172.
 */
export function logarithm(x: number): number {
  let m = x;
  let e = 0;
  for (; m < Math.SQRT1_2; e++) m *= 2;
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let sum = 0;
  for (let k = 21; k >= 3; k -= 2) sum = (sum + 1 / k) * square;
  return 2 * s * (1 + sum) - e * Math.LN2;
}

/**
 * cos and sin of 2π (k + ½) / 2³², to 1e-15, for a whole number k from 0 to 2³² − 1: the upper three bits of k are
 * the octant of the circle, the others the angle within it, whose series end at angle¹⁷.
 */
export function onCircle(k: number): [cosine: number, sine: number] {
  const octant = k >>> 29;
  const share = ((k & 0x1fff_ffff) + 0.5) / 2 ** 29;
  const angle = (octant % 2 === 0 ? share : 1 - share) * QUARTER_PI;
  const square = angle * angle;
  let cosine = 1;
  let sine = 1;
  for (let n = 16; n >= 2; n -= 2) {
    cosine = 1 - (cosine * square) / (n * (n - 1));
    sine = 1 - (sine * square) / (n * (n + 1));
  }
  sine *= angle;
  const steep = octant === 1 || octant === 2 || octant === 5 || octant === 6;
  const [x, y] = steep ? [sine, cosine] : [cosine, sine];
  return [octant >= 2 && octant <= 5 ? -x : x, octant >= 4 ? -y : y];
}

const QUARTER_PI = Math.PI / 4;
