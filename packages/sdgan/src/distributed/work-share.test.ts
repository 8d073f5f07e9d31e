import { arange, isTensor, scope, tensor } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { pack, unpack } from "./packed.js";
import type { Processes } from "./processes.js";
import { allWork, sharedWork } from "./work-share.js";

describe("several processes that share work", () => {
  /** Collects in `worldSize` processes of one thread, which exchange packed values as real ones do. */
  async function collected(worldSize: number, count: number) {
    const computed: number[][] = Array.from({ length: worldSize }, () => []);
    const compute = (rank: number) => (part: number) => {
      computed[rank]!.push(part);
      return { part, ofTensor: [tensor([part, part / 3])], nothing: undefined };
    };
    const given = new Map<number, unknown>();
    const results = [];
    for (let rank = worldSize - 1; rank >= 0; rank--) {
      const toFirst = <Value>(own: Value): Value[] | undefined => {
        given.set(rank, unpack(pack(own)));
        return rank === 0 ? Array.from({ length: worldSize }, (_, r) => given.get(r) as Value) : undefined;
      };
      const processes = { rank, worldSize, meet: async () => {}, requireNoneLost: () => {}, toFirst };
      results.unshift(await sharedWork(processes as unknown as Processes).collect(count, compute(rank)));
    }
    return { computed, results };
  }

  it("compute each part once, in turn, and the first one gets all in order", async () => {
    const { computed, results } = await collected(3, 8);
    expect(computed).toEqual([
      [0, 3, 6],
      [1, 4, 7],
      [2, 5],
    ]);
    const [first, ...others] = results;
    expect(others).toEqual([undefined, undefined]);
    expect(first!.map(({ part }) => part)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(first!.map(({ ofTensor }) => ofTensor[0]!.toNumbers())).toEqual(
      (await allWork.collect(8, (part) => tensor([part, part / 3])))!.map((one) => one.toNumbers()),
    );
  });

  it("may be more than there are parts", async () => {
    const { computed, results } = await collected(3, 1);
    expect(computed).toEqual([[0], [], []]);
    expect(results[0]).toHaveLength(1);
  });

  it("end as soon as the loss of another one is known", async () => {
    let computed = 0;
    const work = sharedWork({
      ...{ rank: 0, worldSize: 2, meet: async () => {}, toFirst: () => undefined },
      requireNoneLost() {
        if (computed === 2) throw new Error("process 1 ended");
      },
    });
    await expect(work.collect(100, () => ++computed)).rejects.toThrow("process 1 ended");
    expect(computed).toBe(2);
  });
});

describe("packed values", () => {
  it("are unpacked as they were, with every bit", () => {
    const values = tensor([0.1, Number.NaN, -0, Number.NEGATIVE_INFINITY], { shape: [2, 2] });
    const value = {
      a: [{ values }, arange(0, 3, 1, { dtype: "float32" })],
      b: { text: "x", none: [] },
      c: tensor(1.5),
    };
    const back = scope(() => unpack<typeof value>(pack(value)));
    expect(back.b).toEqual(value.b);
    expect((back.a[0] as { values: typeof values }).values.shape).toEqual([2, 2]);
    expect((back.a[0] as { values: typeof values }).values.toBytes()).toEqual(values.toBytes());
    expect(isTensor(back.a[1]) && back.a[1].toNumbers()).toEqual([0, 1, 2]);
    expect([back.c.shape, back.c.item()]).toEqual([[], 1.5]);
  });

  it("refuse tensors whose bits they would not keep", () => {
    expect(() => pack([tensor([1], { dtype: "float64" })])).toThrow(
      "expected tensors of float32 on the cpu, found float64 on cpu",
    );
  });
});
