/** Finding the right one among others. */
import type { Random } from "@sdgan/core";
import { type Tensor, tensor } from "@sdgan/torch";

/**
 * How many rows have their own column's score above those of the columns that `othersOf` names.
 *
 * @param scores [R, N], of rows `first` … of N; row i's own column is i
 */
export function countRankedFirst(scores: Tensor, first: number, othersOf: (row: number) => number[]): number {
  const places = Array.from({ length: scores.size(0) }, (_, i) => first + i);
  const columns = (of: number[][]) =>
    tensor(of.flat(), { shape: [places.length, of[0]!.length], dtype: "int64" });
  const own = scores.gather(1, columns(places.map((place) => [place]))); // [R, 1]
  const others = scores.gather(1, columns(places.map(othersOf))); // [R, others]
  return own.gt(others.amax(1, true)).sum().item();
}

/** `count` different numbers below `below` that `isOther` takes; there must be as many. */
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
