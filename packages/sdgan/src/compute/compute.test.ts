import { UserError } from "@sdgan/core";
import { cudaDriver } from "@sdgan/torch";
import { simulateCuda } from "@sdgan/torch/testing";
import { expect, it } from "vitest";
import { startComputing, whyNoCuda } from "./compute.js";

const hasDriver = cudaDriver() !== undefined;

it.skipIf(hasDriver)("computes on the CPU where there is no GPU", () => {
  expect(startComputing("float32")).toEqual({ device: "cpu", dtype: "float32" });
  expect(startComputing("tf32", "cpu")).toEqual({ device: "cpu", dtype: "float32" });
});

it.skipIf(hasDriver)("refuses a GPU that is not available, with what was found and what to do", () => {
  expect(() => startComputing("auto", "cuda")).toThrow(UserError);
  expect(() => startComputing("auto", "cuda")).toThrow(
    /^--device cuda: no driver .* was found .*; use --device cpu/,
  );
});

it("uses the GPU where there is one, unless the CPU is requested, and bfloat16 where the device supports it", () => {
  using _ = simulateCuda();
  expect(startComputing("auto")).toEqual({ device: "cuda", dtype: "bfloat16" });
  expect(startComputing("tf32")).toEqual({ device: "cuda", dtype: "float32" });
  expect(startComputing("bfloat16", "cpu")).toEqual({ device: "cpu", dtype: "bfloat16" });
});

it("uses float32 on a GPU without bfloat16", () => {
  using _ = simulateCuda({ bfloat16: false });
  expect(startComputing("auto")).toEqual({ device: "cuda", dtype: "float32" });
});

it("reports what to do about a GPU that libtorch cannot use", () => {
  using _ = simulateCuda();
  expect(whyNoCuda()).toEqual({
    found: expect.stringMatching(/^Simulated GPU was found, and libtorch [\d.]+\S* was built without CUDA$/),
    remedy: expect.stringMatching(/LIBTORCH .*CUDA 13.0 or earlier.*npx sdgan setup$/),
    driver: true,
  });
});
