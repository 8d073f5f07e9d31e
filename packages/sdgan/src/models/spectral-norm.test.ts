import { call, manualSeed, noGrad, randn, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { gradcheckNetwork, inGeneralPosition } from "../testing/gradients.js";
import { SpectralConv2d } from "./spectral-norm.js";

beforeEach(() => manualSeed(1));

const random = (...shape: number[]) => randn(shape, { dtype: "float64" });
const make = () => inGeneralPosition(new SpectralConv2d(3, 5, 4, { stride: 2, padding: 1 }));
/** The largest singular value, by a decomposition. */
const largest = (weight: Tensor) =>
  call<Tensor>("linalg_svdvals", weight.detach().flatten(1)).select(0, 0).item();

describe("SpectralConv2d", () => {
  it("divides its weight by the largest singular value, after some calls in training", () => {
    const layer = make();
    expect(largest(layer.weight)).toBeGreaterThan(1.5);
    const first = largest(layer.normalizedWeight());
    for (let call = 0; call < 300; call++) noGrad(() => layer.normalizedWeight());
    expect(first).toBeGreaterThan(1 + 1e-6); // σ is never overestimated.
    expect(largest(layer.normalizedWeight())).toBeCloseTo(1, 9);
    expect(layer.direction.norm().item()).toBeCloseTo(1, 12);
  });

  it("is the convolution with that weight, and its bias", () => {
    const layer = make();
    const input = random(2, 3, 8, 8);
    layer.eval();
    const expected = call<Tensor>("conv2d", input, layer.normalizedWeight(), layer.bias, 2, 1, 1, 1);
    expect(layer.forward(input).toNumbers()).toEqual(expected.toNumbers());
  });

  it("takes one power iteration per call in training, and none in evaluation", () => {
    const layer = make();
    const matrix = layer.weight.detach().permute(0, 2, 3, 1).flatten(1);
    const product = matrix.matmul(matrix.t().matmul(layer.direction));
    const expected = product.div(product.norm()).toNumbers();
    const input = random(1, 3, 8, 8);
    layer.forward(input);
    for (const [i, value] of layer.direction.toNumbers().entries())
      expect(value).toBeCloseTo(expected[i]!, 12);
    const before = layer.direction.toNumbers();
    layer.eval().forward(input);
    expect(layer.direction.toNumbers()).toEqual(before);
  });

  it("has the gradients of finite differences, through σ", () => {
    const layer = make().eval();
    const input = random(2, 3, 4, 4);
    gradcheckNetwork(layer, () => layer.forward(input), [input]);
  });

  it("saves u: a copy continues with the same weights", () => {
    const [layer, copy] = [make(), make()];
    for (let call = 0; call < 3; call++) layer.normalizedWeight();
    expect([...layer.stateDict().keys()]).toEqual(["weight", "bias", "weight_u"]);
    copy.loadStateDict(layer.stateDict());
    expect(copy.normalizedWeight().toNumbers()).toEqual(layer.normalizedWeight().toNumbers());
  });

  it("keeps the layout, and computes σ in float32 for bfloat16 inputs", () => {
    const layer = new SpectralConv2d(3, 8, 3, { padding: 1 });
    layer.to({ memoryFormat: "channels_last" });
    const output = layer.forward(
      randn([2, 3, 8, 8]).to({ dtype: "bfloat16", memoryFormat: "channels_last" }),
    );
    expect([output.dtype, output.isContiguous("channels_last")]).toEqual(["bfloat16", true]);
    expect([layer.direction.dtype, layer.normalizedWeight().dtype]).toEqual(["float32", "float32"]);
    expect(layer.normalizedWeight().isContiguous("channels_last")).toBe(true);
  });
});
