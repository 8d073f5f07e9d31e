/** Ranking of the right candidate among others. */
import type { Random } from "@sdgan/core";
import { type Tensor, tensor } from "@sdgan/torch";

/**
 * Number of rows whose score in their own column exceeds those in the columns that `othersOf` returns.
 *
 * @param scores [R, N], rows `first`, `first` + 1, … of an [N, N] matrix; the own column of row i is i
 */
export function countRankedFirst(scores: Tensor, first: number, othersOf: (row: number) => number[]): number {
  const places = Array.from({ length: scores.size(0) }, (_, i) => first + i);
  const columns = (of: number[][]) =>
    tensor(of.flat(), { shape: [places.length, of[0]!.length], dtype: "int64" });
  const own = scores.gather(1, columns(places.map((place) => [place]))); // [R, 1]
  const others = scores.gather(1, columns(places.map(othersOf))); // [R, others]
  return own.gt(others.amax(1, true)).sum().item();
}

/**
 * Samples `count` different integers below `below` that satisfy `isOther`. There must be at least `count` of
 * them.
 */
export function sampleOthers(
  count: number,
  below: number,
  isOther: (candidate: number) => boolean,
  random: Random,
): number[] {
  const others = new Set<number>();
  while (others.size < count) {
    const candidate = random.below(below);
    if (isOther(candidate)) others.add(candidate);
  }
  return [...others];
}
