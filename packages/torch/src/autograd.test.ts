import { afterEach, describe, expect, it } from "vitest";
import {
  backward,
  call,
  enableGrad,
  functional,
  grad,
  gradEach,
  gradOrNull,
  inferenceMode,
  isGradEnabled,
  manualSeed,
  noGrad,
  ones,
  randn,
  setThreads,
  type Tensor,
  tensor,
  threads,
} from "./index.js";

const leaf = (values: number[]) => tensor(values, { dtype: "float64", requiresGrad: true });

describe("gradients", () => {
  it("of one output for several inputs", () => {
    const [x, y] = [leaf([2, 3]), leaf([5, 7])];
    const [dx, dy] = grad([x.mul(y).sum()], [x, y]);
    expect(dx?.toNumbers()).toEqual([5, 7]);
    expect(dy?.toNumbers()).toEqual([2, 3]);
    expect(x.grad).toBeNull();
  });

  it("weighted by gradients of the outputs", () => {
    const x = leaf([2, 3]);
    const [dx] = grad([x.square()], [x], { gradOutputs: [tensor([1, 10], { dtype: "float64" })] });
    expect(dx?.toNumbers()).toEqual([4, 60]);
    expect(() => grad([x.square()], [x])).toThrow(/grad\(\[tensor float64\[2\]\].*scalar outputs/);
  });

  it("of gradients, three deep", () => {
    const x = leaf([2]);
    const [first] = grad([x.pow(4)], [x], { createGraph: true });
    const [second] = grad([first!], [x], { createGraph: true });
    const [third] = grad([second!], [x]);
    expect([first!.item(), second!.item(), third!.item()]).toEqual([32, 48, 48]);
  });

  it("are null, or an error, for an input that the outputs do not depend on", () => {
    const [x, y] = [leaf([1]), leaf([1])];
    expect(gradOrNull([x.mul(2)], [x, y], { retainGraph: true })[1]).toBeNull();
    expect(() => grad([x.mul(2)], [y])).toThrow(/grad\(/);
    expect(() => grad([tensor([1])], [x])).toThrow(/does not require grad/);
  });

  it("accumulate in leaves, once per retained backward", () => {
    const x = leaf([3]);
    const y = x.square();
    y.backward({ retainGraph: true });
    y.backward();
    expect(x.grad?.item()).toBe(12);
    expect(() => y.backward()).toThrow(/second time/);
    const other = leaf([1]);
    backward([other.mul(2), other.mul(5)]);
    expect(other.grad?.item()).toBe(7);
  });

  it("can be assigned to a leaf if they fit", () => {
    const x = leaf([1, 2]);
    x.grad = tensor([5, 6], { dtype: "float64" });
    expect(x.grad?.toNumbers()).toEqual([5, 6]);
    expect(() => {
      x.grad = ones([3], { dtype: "float64" });
    }).toThrow("the gradient is float64[3], expected float64[2]");
    expect(() => {
      x.mul(2).grad = x;
    }).toThrow(/only a leaf/);
    expect(() => {
      x.grad = 5 as never;
    }).toThrow(/expected a tensor, found number 5/);
  });

  it("are refused for integers and in place on a leaf", () => {
    expect(() => tensor([1], { dtype: "int64", requiresGrad: true })).toThrow(/floating point/);
    expect(() => leaf([1]).add_(1)).toThrow(/leaf Variable/);
    const x = leaf([2]);
    const y = x.exp();
    const z = y.mul(y);
    y.add_(1);
    expect(() => z.backward()).toThrow(/modified by an inplace operation/);
  });
});

describe("gradients of several losses", () => {
  const own = threads();
  afterEach(() => setThreads(own));

  it.each([1, 2, 4])("are those of each alone, with %d threads", (count) => {
    setThreads(count);
    manualSeed(1);
    const losses = Array.from({ length: 5 }, (_, i) => {
      const [image, weight] = [randn([2, 8, 16, 16]), randn([4 + i, 8, 3, 3])];
      weight.requiresGrad = true;
      image.requiresGrad = true;
      const lossOf = () => functional.conv2d(image, weight, { padding: 1 }).tanh().square().sum();
      return { lossOf, inputs: i % 2 === 0 ? [weight] : [weight, image] };
    });
    const each = gradEach(
      losses.map(({ lossOf, inputs }) => () => ({ loss: lossOf(), inputs })),
    );
    expect(threads()).toBe(count);
    for (const [i, { lossOf, inputs }] of losses.entries()) {
      const alone = grad([lossOf()], inputs);
      expect(each[i]).toHaveLength(alone.length);
      for (const [j, gradient] of alone.entries())
        expect(call("allclose", each[i]![j]!, gradient, 1e-4, 1e-4)).toBe(true);
    }
  });

  it("end with the error of one that cannot be derived, or of a function", () => {
    setThreads(2);
    const [x, y] = [leaf([1]), leaf([1])];
    const square = (input: typeof x) => () => ({ loss: input.square().sum(), inputs: [x] });
    expect(() => gradEach([square(x), square(y)])).toThrow(/gradEach\(.*not.*used in the graph/);
    const failing = () => {
      throw new RangeError("mine");
    };
    expect(() => gradEach([square(x), failing])).toThrow(new RangeError("mine"));
    expect(() => gradEach([square(x), () => ({ loss: 3, inputs: [x] }) as never])).toThrow(/loss: expected/);
    expect(() => gradEach([square(x), () => undefined as never])).toThrow(TypeError);
    for (const wrong of [undefined, 5, [square(x), 5]])
      expect(() => gradEach(wrong as never)).toThrow("gradEach: expected an array of functions");
    expect(() => gradEach([square(x), async () => square(x)()] as never)).toThrow(/asynchronous/);
    expect(threads()).toBe(2);
    expect(gradEach([square(x), square(x)]).map(([gradient]) => gradient?.item())).toEqual([2, 2]);
    expect(gradEach([])).toEqual([]);
    const nested = () => {
      expect(threads()).toBe(1);
      const [[inner]] = gradEach([square(x), square(x)]) as [[Tensor], [Tensor]];
      return { loss: x.mul(inner).sum(), inputs: [x] };
    };
    expect(gradEach([square(x), nested]).map(([gradient]) => gradient?.item())).toEqual([2, 2]);
  });
});

describe("modes", () => {
  it("noGrad records nothing, enableGrad inside it does, and they end with their function", () => {
    const x = leaf([1]);
    noGrad(() => {
      expect(isGradEnabled()).toBe(false);
      expect(x.mul(2).requiresGrad).toBe(false);
      expect(enableGrad(() => x.mul(2).requiresGrad)).toBe(true);
      expect(isGradEnabled()).toBe(false);
    });
    expect(isGradEnabled()).toBe(true);
  });

  it("end also when their function throws", () => {
    const failing = () => {
      throw new RangeError("mine");
    };
    for (const mode of [noGrad, inferenceMode]) expect(() => mode(failing)).toThrow(new RangeError("mine"));
    expect(isGradEnabled()).toBe(true);
  });

  it("inferenceMode's tensors cannot be used in gradients", () => {
    const x = leaf([1]);
    const made = inferenceMode(() => x.mul(2));
    expect(made.requiresGrad).toBe(false);
    expect(() => made.mul(x)).toThrow(/Inference tensors/);
  });

  it("take functions only", () => {
    for (const wrong of [undefined, 5, {}])
      expect(() => noGrad(wrong as never)).toThrow(/expected a function/);
  });
});
