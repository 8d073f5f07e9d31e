import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { keep, memoryInUse, noGrad, ones, scope, type Tensor, tensor, zeros } from "./index.js";

describe("scope", () => {
  it("frees tensors made inside, except those it returns", () => {
    let inner: Tensor | undefined;
    const result = scope(() => {
      inner = ones([3]);
      return inner.add(1);
    });
    expect(inner?.isDisposed).toBe(true);
    expect(result.toNumbers()).toEqual([2, 2, 2]);
  });

  it("finds tensors in nested and circular arrays, objects, maps and sets", () => {
    const circle: { self?: unknown; tensor?: Tensor } = {};
    const made = scope(() => {
      circle.self = circle;
      circle.tensor = ones([1]);
      return {
        list: [ones([1]), [ones([1])]],
        map: new Map([["a", ones([1])]]),
        set: new Set([ones([1])]),
        circle,
      };
    });
    const all = [
      made.list[0],
      (made.list[1] as Tensor[])[0],
      made.map.get("a"),
      [...made.set][0],
      circle.tensor,
    ];
    expect(all.map((found) => (found as Tensor).isDisposed)).toEqual([false, false, false, false, false]);
  });

  it("gives the tensors it returns to the outer scope", () => {
    let middle: Tensor | undefined;
    const sum = scope(() => {
      middle = scope(() => ones([2]).add(1));
      expect(middle.isDisposed).toBe(false);
      return middle.sum();
    });
    expect(middle?.isDisposed).toBe(true);
    expect(sum.item()).toBe(4);
  });

  it("does not free kept tensors and those made outside", () => {
    const outside = ones([1]);
    let kept: Tensor | undefined;
    scope(() =>
      scope(() => {
        kept = ones([2]);
        keep({ deep: [kept] });
        return outside.add(1);
      }),
    );
    expect(kept?.isDisposed).toBe(false);
    expect(outside.isDisposed).toBe(false);
  });

  it("frees everything when it throws, and the next scope works", () => {
    let inner: Tensor | undefined;
    const failing = () =>
      scope(() => {
        inner = ones([1]);
        throw new RangeError("mine");
      });
    expect(failing).toThrow(new RangeError("mine"));
    expect(inner?.isDisposed).toBe(true);
    expect(scope(() => ones([1])).isDisposed).toBe(false);
  });

  it("refuses an asynchronous function, and ignores its rejection", async () => {
    for (const run of [scope, noGrad]) {
      const failing = async () => {
        await setImmediate();
        throw new Error("late");
      };
      expect(() => run(failing)).toThrow(/its function is asynchronous/);
    }
    await setImmediate();
    await setImmediate();
  });

  it("works with `using`-style disposal", () => {
    const x = zeros([1]);
    x[Symbol.dispose]();
    expect(x.isDisposed).toBe(true);
  });
});

describe("native memory", () => {
  it("is counted to the byte, and freed by a scope", () => {
    const before = memoryInUse();
    scope(() => {
      zeros([1024, 1024]);
      expect(memoryInUse() - before).toBeGreaterThanOrEqual(4 << 20);
    });
    expect(memoryInUse()).toBe(before);
  });

  it("does not grow over 3,000 scopes with gradients", () => {
    const weight = tensor([[1, 2], [3, 4]], { requiresGrad: true }); // biome-ignore format: rows
    const step = () =>
      scope(() => {
        const large = zeros([256, 1024]);
        large.add(weight.matmul(weight).sum()).sum().backward();
        weight.grad = null;
      });
    for (let i = 0; i < 300; i++) step();
    const [tensors, resident] = [memoryInUse(), process.memoryUsage.rss()];
    for (let i = 0; i < 3000; i++) step();
    expect(memoryInUse()).toBe(tensors);
    // A leak of one of the tensors would be 3 GB.
    expect(process.memoryUsage.rss() - resident).toBeLessThan(50e6);
  });

  it("is garbage-collected if it is not freed explicitly", async () => {
    const before = memoryInUse();
    let most = 0;
    for (let i = 0; i < 1500; i++) {
      zeros([1 << 18]);
      most = Math.max(most, memoryInUse() - before);
      if (i % 10 === 0) await setImmediate();
    }
    // 1.5 GB were allocated. If V8 did not know, it would see only 1,500 small objects and collect nothing.
    expect(most).toBeLessThan(500e6);
  });
});
