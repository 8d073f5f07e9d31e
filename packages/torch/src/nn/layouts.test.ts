/**
 * Layouts that are both contiguous and channels-last: `suggest_memory_format()` returns contiguous and
 * `is_contiguous(ChannelsLast)` returns true, because only the first uses strides of dimensions of extent 1.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { type DType, functional, grad, manualSeed, rand, randn, type Tensor, zeros } from "../index.js";

const [T, C] = [5, 8];

/** Values [B, C, …] in an ambiguous layout, and the number of channels. */
const layouts: Record<string, (channels: number) => Tensor> = {
  "one image of a batch in channels-last": (channels) =>
    randn([3, channels, 4, T]).to({ memoryFormat: "channels_last" }).select(0, 1).unsqueeze(0),
  "a sequence as an image of width 1": (channels) => randn([3, T, channels]).permute(0, 2, 1).unsqueeze(3),
  "a sequence as an image of height 1": (channels) => randn([3, T, channels]).permute(0, 2, 1).unsqueeze(2),
  "an image whose width was cut to 1": (channels) => randn([3, T, 1, channels]).permute(0, 3, 1, 2),
};

beforeEach(() => manualSeed(5));

function expectClose(actual: Tensor, expected: Tensor, tolerance: number, what: string): void {
  expect(actual.shape, what).toEqual(expected.shape);
  const difference = actual.to("float64").sub(expected.to("float64")).abs().amax([]).item();
  expect(difference / Math.max(expected.abs().amax([]).item(), 1e-6), what).toBeLessThan(tolerance);
}

/** The result of `fn` and its gradients, for these tensors or for contiguous copies in float64. */
function results(fn: (...given: Tensor[]) => Tensor, given: readonly Tensor[], dtype?: DType): Tensor[] {
  const leaves = given.map((one) => (dtype ? one.to(dtype).contiguous() : one).detach());
  for (const leaf of leaves) leaf.requiresGrad = true;
  const output = fn(...leaves);
  manualSeed(11);
  const weights = randn(output.shape);
  return [output, ...grad([output.mul(weights.to(output.dtype)).sum()], leaves)];
}

describe.each(Object.entries(layouts))("%s", (_, lay) => {
  const cases = (["none", "sample", "place"] as const).flatMap((modulation) =>
    (["none", "leaky_relu", "glu"] as const).flatMap(
      (activation) =>
      ([["float32", 1e-4], ["bfloat16", 4e-2]] as const).map(([dtype, tolerance]) => ({ modulation, activation, dtype, tolerance })), // biome-ignore format: one a line
    ),
  );

  it.each(cases)("batch norm: %o", ({ modulation, activation, dtype, tolerance }) => {
    const x = lay(C).mul(2).add(1).to(dtype);
    const B = x.size(0);
    const modulating = {
      none: () => [],
      sample: () => [randn([B, C, 1, 1]).to(dtype), randn([B, C, 1, 1]).to(dtype)],
      place: () => [lay(C).to(dtype), randn(x.shape).to(dtype)],
    }[modulation]();
    for (const training of [true, false]) {
      const running = [randn([C]), rand([C]).add(0.5)];
      const normalize = (x: Tensor, weight: Tensor, bias: Tensor, scale?: Tensor, shift?: Tensor) => {
        const [runningMean, runningVar] = running.map((one) =>
          x.dtype === "float64" ? one.to("float64") : one.clone(),
        );
        return functional.batchNorm(x, {
          ...{
            weight,
            bias,
            training,
            activation,
            slope: 0.2,
            runningMean: runningMean!,
            runningVar: runningVar!,
          },
          ...(scale && shift && { scale, shift }),
        });
      };
      const given = [x, randn([C]), randn([C]), ...modulating];
      const expected = results(normalize as (...given: Tensor[]) => Tensor, given, "float64");
      const actual = results(normalize as (...given: Tensor[]) => Tensor, given);
      for (const [i, one] of actual.entries())
        expectClose(one, expected[i]!, tolerance, `${training ? "training" : "evaluation"}, result ${i}`);
    }
  });

  it.each([
    ["float32", 1e-4],
    ["bfloat16", 4e-2],
  ] as const)("batch norm in one layout, its gradient in another: %s", (dtype, tolerance) => {
    // biome-ignore format: one line
    const odd = lay(C).to(dtype);
    for (const [x, dz] of [
      [odd, randn(odd.shape).to(dtype)],
      [randn(odd.shape).to({ dtype, memoryFormat: "channels_last" }), odd],
    ] as const) {
      // biome-ignore format: pairs
      const gradient = (type?: DType) => {
        const leaf = (type ? x.to(type).contiguous() : x).detach();
        leaf.requiresGrad = true;
        const z = functional.batchNorm(leaf, { training: true });
        return grad([z], [leaf], { gradOutputs: [type ? dz.to(type).contiguous() : dz] })[0]!;
      };
      expectClose(gradient(), gradient("float64"), tolerance, "dx");
    }
  });

  it.each([
    ["float32", 1e-4],
    ["bfloat16", 4e-2],
  ] as const)("transposed convolution: %s", (dtype, tolerance) => {
    // biome-ignore format: one line
    const given = [lay(6).to(dtype), randn([6, 3, 4, 4]).to(dtype)];
    const convolve = (x: Tensor, weight: Tensor) =>
      functional.convTranspose2d(x, weight, { stride: 2, padding: 1 });
    const fn = convolve as (...given: Tensor[]) => Tensor;
    const expected = results(fn, given, "float64");
    for (const [i, one] of results(fn, given).entries())
      expectClose(one, expected[i]!, tolerance, `result ${i}`);
  });

  it("word attention", () => {
    const scores = lay(7); // [images, regions, captions, words]
    const absent = rand(scores.shape.slice(2)).gt(0.7);
    absent.select(1, 0).copy_(zeros([scores.size(2)])); // Every caption has a word.
    const attend = (scores: Tensor) => functional.wordAttention(scores, absent, 4);
    const expected = results(attend, [scores], "float64");
    for (const [i, one] of results(attend, [scores]).entries())
      expectClose(one, expected[i]!, 1e-4, `result ${i}`);
  });
});
