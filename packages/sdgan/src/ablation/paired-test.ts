import { Random } from "@sdgan/core";
/** Whether one way is better than another on the same seeds, or chance alone would do it. */

export interface PairedTest {
  /** Pairs. */
  n: number;
  /** Mean of the differences, and their sample deviation (over n − 1); 0 for one pair. */
  difference: number;
  deviation: number;
  /** Two-sided. */
  p: number;
  /** What p cannot go below with so few pairs: 2 / 2ⁿ, or 1 for one pair. */
  least: number;
}

/**
 * The exact sign-flip test (Fisher's randomization test for pairs, The Design of Experiments, 1935, §21). If the two
 * ways were alike, each difference could as well have the other sign: p is the share of the 2ⁿ ways to choose signs
 * whose sum is as far from zero as the one found. It assumes nothing of how the differences are distributed. Of more
 * than 20 pairs, 2²⁰ of those ways are drawn.
 *
 * @param differences of one seed each
 */
export function signFlipTest(differences: readonly number[]): PairedTest {
  const n = differences.length;
  if (n < 1) throw new RangeError("a sign-flip test is of one pair or more");
  const found = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  const scale = differences.reduce((sum, value) => sum + Math.abs(value), 0);
  const ways = 2 ** Math.min(n, 20);
  const random = new Random(0, "signs");
  let extreme = 0;
  for (let way = 0; way < ways; way++) {
    const flips = n > 20 ? (_: number) => random.chance(0.5) : (i: number) => ((way >> i) & 1) === 1;
    const sum = differences.reduce((total, value, i) => total + (flips(i) ? value : -value), 0);
    if (Math.abs(sum) >= found - 1e-12 * scale) extreme++; // Equal sums differ by rounding.
  }
  const { mean: difference, deviation } = meanAndSampleDeviation(differences);
  return { n, difference, deviation, p: extreme / ways, least: 2 / 2 ** n };
}

/** Mean, and deviation over n − 1: what runs of other seeds may be expected to spread by. 0 for one value. */
export function meanAndSampleDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 };
}
