import { functional, manualSeed, randn } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { gradcheckNetwork } from "../testing/gradients.js";
import { UpsampleConv } from "./layers.js";

beforeEach(() => manualSeed(1));

describe("UpsampleConv", () => {
  const shapes = [
    [1, 1, 1, 1, 1],
    [2, 3, 5, 4, 6],
    [3, 8, 4, 5, 3],
  ] as const;

  it.each(shapes)(
    "is upsampling, then the convolution: %d images, %d → %d channels, %d×%d",
    (B, I, O, H, W) => {
      const layer = new UpsampleConv(I, O).to({ dtype: "float64" });
      const x = randn([B, I, H, W], { dtype: "float64" });
      const expected = functional.conv2d(functional.upsampleNearest(x, 2), layer.weight, { padding: 1 });
      for (const memoryFormat of ["contiguous", "channels_last"] as const)
        expect(relativeError(layer.forward(x.to({ memoryFormat })), expected)).toBeLessThan(1e-12);
    },
  );

  it("agrees in float32 and bfloat16 within their precision", () => {
    const layer = new UpsampleConv(16, 32);
    const x = randn([4, 16, 8, 8]);
    const expected = functional.conv2d(functional.upsampleNearest(x, 2), layer.weight, { padding: 1 });
    for (const [dtype, tolerance] of [
      ["float32", 1e-5],
      ["bfloat16", 2e-2],
    ] as const) {
      const actual = layer.forward(x.to({ dtype, memoryFormat: "channels_last" }));
      expect(actual.dtype).toBe(dtype);
      expect(relativeError(actual.to("float32"), expected)).toBeLessThan(tolerance);
    }
  });

  it("has the gradients of finite differences, channels-last", () => {
    const layer = new UpsampleConv(2, 3).to({ dtype: "float64" });
    const x = randn([2, 2, 3, 4], { dtype: "float64" });
    gradcheckNetwork(layer, () => layer.forward(x.to({ memoryFormat: "channels_last" })), [x]);
  });

  it("has the same gradients with the kernels for float32", () => {
    const layer = new UpsampleConv(8, 16);
    const x = randn([3, 8, 6, 6], { requiresGrad: true });
    const gradients = (memoryFormat: "contiguous" | "channels_last") => {
      x.grad = null;
      layer.weight.grad = null;
      layer.forward(x.to({ memoryFormat })).square().sum().backward();
      return [x.grad!, layer.weight.grad!];
    };
    const expected = gradients("contiguous").map((gradient) => gradient.clone());
    for (const [i, gradient] of gradients("channels_last").entries())
      expect(relativeError(gradient, expected[i]!)).toBeLessThan(1e-5);
  });
});
