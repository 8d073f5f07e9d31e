import { expect, it } from "vitest";
import type { BatchPlan } from "./batch.js";
import { type BranchesPlan, shardsOf } from "./shards.js";

/** A planner of batches of six pairs, whose numbers tell batch, branch and row. */
function planner() {
  let position = 0;
  const branch = (which: number): BatchPlan => {
    const rows = Int32Array.from({ length: 6 }, (_, row) => 1000 * position + 100 * which + row);
    return {
      tokens: Int32Array.from(Array.from(rows).flatMap((row) => [row, row + 50])),
      lengths: rows.map((_, row) => 1 + (row % 2)),
      classIds: rows.map((row) => row + 1),
      images: rows.map((row) => row + 2),
      captions: rows.map((row) => row + 3),
      windows: Array.from(rows, (row) => ({ top: row, left: 0, flip: false })),
    };
  };
  return {
    plan(): BranchesPlan {
      position += 1;
      return { branches: [branch(0), branch(1)], same: Float32Array.from([1, 0, 1, 1, 0, 0]) };
    },
    state: () => ({
      seed: 0,
      images: 6,
      epoch: 0,
      position,
      random: [0, 0, 0, 0] as [number, number, number, number],
    }),
    restore: (state: { position: number }) => {
      position = state.position;
    },
  };
}

const joined = (parts: readonly ArrayLike<number>[]) => parts.flatMap((part) => Array.from(part));

it.each([1, 2, 3])("%i processes have every row of every branch once, in order", (parts) => {
  const shards = Array.from({ length: parts }, (_, rank) => shardsOf(planner(), { rank, parts }));
  const single = planner();
  for (let step = 0; step < 3; step++) {
    const whole = single.plan();
    const plans = shards.map((shard) => shard.plan());
    expect(joined(plans.map(({ same }) => same!))).toEqual([...whole.same!]);
    for (const [b, branch] of whole.branches.entries()) {
      for (const field of ["tokens", "lengths", "classIds", "images", "captions"] as const)
        expect(joined(plans.map(({ branches }) => branches[b]![field]))).toEqual([...branch[field]]);
      expect(plans.flatMap(({ branches }) => branches[b]!.windows)).toEqual(branch.windows);
    }
    for (const plan of plans) expect(plan.whole).toEqual(whole);
    for (const shard of shards) expect(shard.state()).toEqual(single.state());
  }
});

it("continues from a state of another number of processes", () => {
  const one = shardsOf(planner(), { rank: 0, parts: 1 });
  one.plan();
  const two = shardsOf(planner(), { rank: 1, parts: 2 });
  two.restore(one.state());
  const whole = one.plan().branches[0]!;
  expect([...two.plan().branches[0]!.images]).toEqual([...whole.images.slice(3)]);
});
