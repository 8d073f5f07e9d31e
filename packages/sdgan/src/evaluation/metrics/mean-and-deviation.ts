import { mean } from "../../util/lists.js";

/** Mean and population standard deviation (divided by N, not N − 1). */
export function meanAndDeviation(values: readonly number[]): { mean: number; deviation: number } {
  const centre = mean(values);
  const variance = mean(values.map((value) => (value - centre) ** 2));
  return { mean: centre, deviation: Math.sqrt(variance) };
}
