import { grad, manualSeed, processorHasBfloat16, randn } from "@sdgan/torch";
import { expect, it } from "vitest";
import { relativeError } from "../testing/golden.js";
import { stretchToInception } from "./inception/resize.js";
import { InceptionImageEncoder } from "./inception-image-encoder.js";

it("has 17 × 17 regions for images of any size, and trains only two layers", () => {
  manualSeed(1);
  const encoder = new InceptionImageEncoder(6);
  encoder.to({ memoryFormat: "channels_last" });
  const image = randn([2, 3, 64, 64]).tanh().to({ memoryFormat: "channels_last" });
  image.requiresGrad = true;
  const { regions, code } = encoder.forward(image);
  expect([regions.shape, code.shape]).toEqual([
    [2, 6, 17, 17],
    [2, 6],
  ]);
  // By the equations, from Inception's features.
  const features = encoder.inception.features(stretchToInception(image.detach()));
  const weight = encoder.toRegions.weight.view(6, 768);
  const expected = weight.matmul(features.regions.flatten(2)).view(2, 6, 17, 17);
  expect(relativeError(regions, expected)).toBeLessThan(1e-4);
  expect(relativeError(code, encoder.toCode.forward(features.pool3))).toBeLessThan(1e-4);
  const maps = encoder.maps(image.detach());
  expect(maps.map(({ shape: [, channels, size] }) => [channels, size])).toEqual(encoder.mapShapes);
  expect(relativeError(encoder.toRegions.forward(maps[1]!), regions)).toBeLessThan(1e-4);

  const trained = [...encoder.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad);
  expect(trained.map(([name]) => name)).toEqual(["toRegions.weight", "toCode.weight", "toCode.bias"]);
  const leaves = [image, ...trained.map(([, parameter]) => parameter)];
  for (const gradient of grad([regions.square().mean().add(code.square().mean())], leaves))
    expect(gradient.abs().sum().item()).toBeGreaterThan(0);
});

it("returns float32 features for bfloat16 images", () => {
  const encoder = new InceptionImageEncoder(6);
  const image = randn([1, 3, 32, 32]).tanh();
  const [exact, rough] = [encoder.forward(image), encoder.forward(image.to("bfloat16"))];
  expect([rough.regions.dtype, rough.code.dtype]).toEqual(["float32", "float32"]);
  // A CPU without bfloat16 instructions computes some sums in bfloat16.
  const tolerance = processorHasBfloat16() ? 0.05 : 0.15;
  expect(relativeError(rough.regions, exact.regions)).toBeLessThan(tolerance);
  expect(relativeError(rough.code, exact.code)).toBeLessThan(tolerance);
});
