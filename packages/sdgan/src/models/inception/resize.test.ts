import { arange, tensor } from "@sdgan/torch";
import { expect, it } from "vitest";
import { stretchLikeTensorflow, stretchToInception } from "./resize.js";

/** The values of one row of images whose rows are all equal. */
const row = (values: number[]) => tensor(values, { shape: [1, 1, 1, values.length] });

it("like TensorFlow: samples at place times scale, clamped at the edge", () => {
  const stretched = stretchLikeTensorflow(row([0, 10, 20, 40]));
  expect(stretched.shape).toEqual([1, 1, 299, 299]);
  const values = stretched.select(2, 298).flatten(0).toNumbers();
  const scale = 4 / 299;
  for (const [i, expected] of [
    [0, 0],
    [1, 10 * scale],
    [100, 10 + 10 * (100 * scale - 1)],
    [200, 20 + 20 * (200 * scale - 2)],
    [224, 20 + 20 * (224 * scale - 2)],
    [225, 40],
    [298, 40],
  ] as const)
    expect(values[i]).toBeCloseTo(expected, 4);
});

it("like PyTorch: aligns pixel centres", () => {
  const values = stretchToInception(row([0, 10, 20, 40]))
    .select(2, 0)
    .flatten(0)
    .toNumbers();
  const scale = 4 / 299;
  expect(values[0]).toBe(0);
  expect(values[100]).toBeCloseTo(10 + 10 * (100.5 * scale - 0.5 - 1), 4);
  expect(values[298]).toBe(40);
});

it("resizes rows and columns in the same way, and leaves images of the target size unchanged", () => {
  const ramp = arange(0, 16, 1, { dtype: "float32" }).view(1, 1, 4, 4);
  for (const stretch of [stretchLikeTensorflow, stretchToInception]) {
    const turned = stretch(ramp.transpose(2, 3)).transpose(2, 3);
    expect(turned.sub(stretch(ramp)).abs().amax([]).item()).toBeLessThan(1e-5);
    const whole = arange(0, 299 * 299, 1, { dtype: "float32" })
      .div(9e4)
      .view(1, 1, 299, 299);
    expect(stretch(whole).sub(whole).abs().amax([]).item()).toBeLessThan(1e-6);
  }
});
