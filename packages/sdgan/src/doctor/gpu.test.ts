import { cudaDriver } from "@sdgan/torch";
import { simulateCuda } from "@sdgan/torch/testing";
import { expect, it } from "vitest";
import { examineGpu } from "./gpu.js";

it.skipIf(cudaDriver() !== undefined)("reports no GPU where there is none", () => {
  expect(examineGpu()).toEqual({ what: "GPU", found: "none" });
});

it("reports name, memory and speed of the GPU that training uses", () => {
  using _ = simulateCuda();
  // The simulated GPU computes on the CPU.
  const { found, advice } = examineGpu({ size: [2, 8, 16] });
  expect(found).toMatch(/^Simulated GPU, 80 GiB, CUDA 13.0: convolution [\d.]+ TFLOP\/s in bfloat16$/);
  expect(advice).toBeUndefined();
});

it("gives advice where libtorch cannot use the GPU", () => {
  using simulated = simulateCuda();
  simulated.isUsable = false;
  expect(examineGpu()).toMatchObject({
    found: expect.stringMatching(/^Simulated GPU was found, and libtorch .* was built without CUDA$/),
    advice: expect.stringContaining("npx sdgan setup"),
  });
});
