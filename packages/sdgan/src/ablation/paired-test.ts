/** Significance test of the difference between two variants on the same seeds. */
import { Random } from "@sdgan/core";

export interface PairedTest {
  /** Number of pairs. */
  n: number;
  /** Mean of the differences, and their sample deviation (divided by n − 1); 0 for one pair. */
  difference: number;
  deviation: number;
  /** Two-sided p value. */
  p: number;
  /** The smallest possible p with n pairs: 2 / 2ⁿ. */
  least: number;
}

/**
 * The exact sign-flip test (Fisher's randomization test for pairs, The Design of Experiments, 1935, §21).
 * Under the null hypothesis, each difference has either sign with equal probability: p is the share of the 2ⁿ
 * sign assignments whose sum is at least as far from zero as the one found. No distribution of the
 * differences is assumed. For more than 20 pairs, 2²⁰ assignments are sampled.
 *
 * @param differences one per seed
 * @throws RangeError for no difference
 */
export function signFlipTest(differences: readonly number[]): PairedTest {
  const n = differences.length;
  if (n < 1) throw new RangeError("a sign-flip test needs one pair or more");
  const found = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  const scale = differences.reduce((sum, value) => sum + Math.abs(value), 0);
  const assignments = 2 ** Math.min(n, 20);
  const random = new Random(0, "signs");
  let extreme = 0;
  for (let assignment = 0; assignment < assignments; assignment++) {
    const flips = n > 20 ? (_: number) => random.chance(0.5) : (i: number) => ((assignment >> i) & 1) === 1;
    const sum = differences.reduce((total, value, i) => total + (flips(i) ? value : -value), 0);
    if (Math.abs(sum) >= found - 1e-12 * scale) extreme++; // Equal sums may differ by rounding.
  }
  const { mean: difference, deviation } = meanAndSampleDeviation(differences);
  return { n, difference, deviation, p: extreme / assignments, least: 2 / 2 ** n };
}

/** Mean, and sample deviation (divided by n − 1); 0 for one value. */
export function meanAndSampleDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : 0 };
}
