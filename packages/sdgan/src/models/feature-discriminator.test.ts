import { cat, functional, manualSeed, nn, randn, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { gradcheckAlongDirections, inGeneralPosition } from "../testing/gradients.js";
import { FeatureDiscriminator, type FeatureDiscriminatorOptions } from "./feature-discriminator.js";
import { ConvolutionalImageEncoder, type MapShape } from "./image-encoder.js";

beforeEach(() => manualSeed(1));

function encoderOf(imageSize: number) {
  const encoder = new ConvolutionalImageEncoder({ width: 2, imageSize, textWidth: 5 });
  encoder.requiresGrad(false).eval();
  return encoder;
}

function onEncoder(imageSize: number, options: Partial<FeatureDiscriminatorOptions> = {}) {
  const encoder = encoderOf(imageSize);
  return new FeatureDiscriminator({
    ...{ width: 2, textWidth: 5, mapShapes: encoder.mapShapes, maps: (image) => encoder.maps(image) },
    ...options,
  });
}

describe("a discriminator on frozen features", () => {
  it.each([
    [16, 2, 1],
    [32, 3, 2],
    [48, 3, 2],
    [64, 4, 3],
    [128, 4, 4],
  ])("has 8d features at 4×4 places for an encoder of %d pixels", (imageSize, maps, halvings) => {
    for (const norm of ["batch", "spectral"] as const) {
      const discriminator = onEncoder(imageSize, { norm });
      expect([discriminator.project.length, discriminator.reduce.length]).toEqual([maps, halvings]);
      const features = discriminator.forward(randn([3, 3, imageSize, imageSize]), [1, 2]);
      expect(features.shape).toEqual([3, 16, 4, 4]);
      expect(discriminator.unconditional(features).shape).toEqual([3]);
      expect(discriminator.conditional(features, randn([3, 5]), [3]).shape).toEqual([3]);
      const hasBatchNorm = [...discriminator.modules()].some((module) => module instanceof nn.BatchNorm);
      expect(hasBatchNorm).toBe(norm === "batch");
    }
  });

  it("takes maps of any sizes, as Inception's, and refuses maps that are all too small", () => {
    const mapShapes: MapShape[] = [
      [6, 17],
      [6, 17],
      [9, 8],
    ];
    const maps = () => mapShapes.map(([channels, size]) => randn([2, channels, size, size]));
    const discriminator = onEncoder(64, { mapShapes, maps });
    expect(discriminator.forward(randn([2, 3, 64, 64])).shape).toEqual([2, 16, 4, 4]);
    expect(() => onEncoder(64, { mapShapes: [[6, 3]] })).toThrow(/expected maps of 4×4 or more, found 6,3/);
  });

  it("sees every map, and only the maps", () => {
    const encoder = encoderOf(32);
    const image = randn([2, 3, 32, 32]);
    let change: number | undefined;
    const maps = (given: Tensor) =>
      encoder.maps(given).map((one, i) => (i === change ? one.add(randn(one.shape)) : one));
    const discriminator = onEncoder(32, { mapShapes: encoder.mapShapes, maps }).eval();
    const before = discriminator.forward(image);
    for (change = 0; change < 3; change++)
      expect(relativeError(discriminator.forward(image), before)).toBeGreaterThan(0.01);
    expect(relativeError(discriminator.forward(image), before)).toBe(0);
  });

  it("has none of the encoder's weights in its state, and normalizes batches separately", () => {
    const discriminator = onEncoder(32);
    const own = new Set(["project", "reduce", "joint", "conditionalHead", "unconditionalHead"]);
    for (const name of discriminator.stateDict().keys()) expect(own).toContain(name.split(".")[0]);
    const [a, b] = [randn([3, 3, 32, 32]), randn([2, 3, 32, 32]).mul(4)];
    const together = discriminator.forward(cat([a, b]), [3, 2]);
    const apart = cat([discriminator.forward(a), discriminator.forward(b)]);
    expect(relativeError(together, apart)).toBeLessThan(1e-5);
  });

  it("returns float32 logits for bfloat16 images", () => {
    const discriminator = onEncoder(32);
    const features = discriminator.forward(randn([3, 3, 32, 32]).to("bfloat16"));
    expect(features.dtype).toBe("bfloat16");
    expect(discriminator.unconditional(features).dtype).toBe("float32");
    expect(discriminator.conditional(features, randn([3, 5])).dtype).toBe("float32");
  });

  it("has the gradients of finite differences, through the encoder to the image", () => {
    const encoder = inGeneralPosition(encoderOf(16));
    encoder.requiresGrad(false);
    const maps = (image: Tensor) => encoder.maps(functional.upsampleBilinear(image, 16, 16));
    const discriminator = inGeneralPosition(onEncoder(16, { mapShapes: encoder.mapShapes, maps, width: 1 }));
    const [image, sentence] = [
      randn([3, 3, 8, 8], { dtype: "float64" }),
      randn([3, 5], { dtype: "float64" }),
    ];
    const fn = () => {
      const features = discriminator.forward(image);
      return [features, discriminator.unconditional(features), discriminator.conditional(features, sentence)];
    };
    gradcheckAlongDirections(discriminator, fn, [image, sentence], { directions: 4 });
  });
});
