/** Finding the right one among others. */
import { call, type Tensor, tensor } from "@sdgan/torch";
import type { Random } from "../../random.js";

/**
 * The share of rows whose own column's score is above those of the columns that `othersOf` names.
 *
 * @param scores [N, N]
 */
export function shareRankedFirst(scores: Tensor, othersOf: (row: number) => number[]): number {
  const rows = Array.from({ length: scores.size(0) }, (_, i) => othersOf(i));
  const others = scores.gather(
    1,
    tensor(rows.flat(), { shape: [rows.length, rows[0]!.length], dtype: "int64" }),
  );
  const own = call<Tensor>("diagonal", scores);
  return own.gt(others.amax(1)).to("float64").mean().item();
}

/** `count` different numbers below `below` that `isOther` takes; there must be as many. */
export function drawOthers(
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
