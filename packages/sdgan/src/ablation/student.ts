/** Confidence intervals by Student's t (Student, "The Probable Error of a Mean", Biometrika, 1908). */
import { meanAndSampleDeviation } from "./paired-test.js";

/**
 * The 95 % confidence interval of the mean of a normal distribution with unknown variance: mean ± t · s / √n, with t of
 * n − 1 degrees of freedom. Undefined for fewer than two values.
 */
export function interval95(values: readonly number[]): [low: number, high: number] | undefined {
  const n = values.length;
  if (n < 2) return undefined;
  const { mean, deviation } = meanAndSampleDeviation(values);
  const half = (studentQuantile(n - 1, 0.95) * deviation) / Math.sqrt(n);
  return [mean - half, mean + half];
}

/** t with P(|T| < t) = `share` for Student's distribution with `degrees` degrees of freedom, a whole number from 1 on. */
export function studentQuantile(degrees: number, share: number): number {
  if (!(Number.isSafeInteger(degrees) && degrees > 0))
    throw new RangeError(`Student's t needs one or more degrees of freedom, found ${degrees}`);
  // t = √degrees · tan θ, and the share within ±t increases with θ.
  let [low, high] = [0, Math.PI / 2];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (shareWithin(middle, degrees) < share) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) * Math.tan(low);
}

/** P(|T| < √degrees · tan θ): Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4. */
function shareWithin(theta: number, degrees: number): number {
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const odd = degrees % 2 === 1;
  // Odd: cos θ + 2/3 cos³ θ + …; even: 1 + 1/2 cos² θ + …, up to the power `degrees` − 2.
  let term = odd ? cosine : 1;
  let sum = 0;
  for (let power = odd ? 1 : 0; power <= degrees - 2; power += 2) {
    sum += term;
    term *= ((power + 1) / (power + 2)) * cosine ** 2;
  }
  return odd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum;
}
