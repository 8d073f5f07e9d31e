/** One process's part of the batches that several processes train on together. */
import type { BatchPlan } from "./batch.js";
import type { LoaderState } from "./epoch-order.js";
import type { PairPlan } from "./pairs.js";
import type { Planner } from "./prefetcher.js";

/** The plan of a batch: one branch, or two with the pairs' labels. */
export interface BranchesPlan {
  branches: readonly BatchPlan[];
  same?: PairPlan["same"];
}

/** The part of a batch, and the whole of it, of which only the part's images are read. */
export interface ShardPlan extends BranchesPlan {
  whole: BranchesPlan;
}

/**
 * Part `rank` of `parts` equal ones of every batch that `planner` plans. Every process plans the same batches, so that
 * together they train on those of a single process, in the same order, and the planner's state is the same in all.
 */
export function shardsOf(
  planner: Planner<BranchesPlan>,
  { rank, parts }: { rank: number; parts: number },
): Planner<ShardPlan> {
  return {
    state: (): LoaderState => planner.state(),
    restore: (state) => planner.restore(state),
    plan() {
      const whole = planner.plan();
      const { branches, same } = whole;
      const count = branches[0]!.lengths.length / parts;
      const [from, to] = [rank * count, (rank + 1) * count];
      return {
        branches: branches.map((branch) => rowsOf(branch, from, to)),
        ...(same && { same: same.slice(from, to) }),
        whole,
      };
    },
  };
}

function rowsOf(
  { tokens, lengths, classIds, images, captions, windows }: BatchPlan,
  from: number,
  to: number,
): BatchPlan {
  const T = tokens.length / lengths.length;
  return {
    tokens: tokens.slice(from * T, to * T),
    lengths: lengths.slice(from, to),
    classIds: classIds.slice(from, to),
    images: images.slice(from, to),
    captions: captions.slice(from, to),
    windows: windows.slice(from, to),
  };
}
