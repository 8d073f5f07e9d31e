import { cudaDriver } from "@sdgan/torch";
import { simulateCuda } from "@sdgan/torch/testing";
import { expect, it } from "vitest";
import { examineGpu } from "./gpu.js";

it.skipIf(cudaDriver() !== undefined)("tells of no GPU where there is none", () => {
  expect(examineGpu()).toEqual({ what: "GPU", found: "none" });
});

it("tells name, memory and speed of the one that training takes", () => {
  using _ = simulateCuda();
  // The simulated GPU computes on the processor.
  const { found, advice } = examineGpu({ size: [2, 8, 16] });
  expect(found).toMatch(/^Simulated GPU, 80 GiB, CUDA 13.0: convolution [\d.]+ TFLOP\/s in bfloat16$/);
  expect(advice).toBeUndefined();
});

it("says what to do where libtorch cannot use it", () => {
  using simulated = simulateCuda();
  simulated.isUsable = false;
  expect(examineGpu()).toMatchObject({
    found: expect.stringMatching(/^Simulated GPU was found, and libtorch .* was built without CUDA$/),
    advice: expect.stringContaining("npx sdgan setup"),
  });
});
