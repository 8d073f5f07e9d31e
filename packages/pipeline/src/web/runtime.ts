import { UserError, visible } from "@sdgan/core";
import type { PipelineOptions } from "../pipeline.js";
import { type Ort, ortRuntime, type Runtime } from "../runtime.js";

/** WebGPU where there is a device, else WebAssembly. Only the chosen one of onnxruntime's builds is loaded. */
export async function webRuntime({ device, threads }: PipelineOptions): Promise<Runtime> {
  if (device === "cpu")
    throw new UserError('pipeline: the device is cpu; expected "webgpu" or "wasm" in browsers.', {
      code: "usage",
    });
  if (device === "webgpu" || (device === undefined && (await hasGpu()))) {
    if (!(await hasGpu()))
      throw new UserError("pipeline: this browser has no WebGPU device. Leave out device, or use wasm.", {
        code: "device.unavailable",
      });
    return ortRuntime(await build(() => import("onnxruntime-web/webgpu"), threads), "webgpu", {
      executionProviders: ["webgpu"],
    });
  }
  return ortRuntime(await build(() => import("onnxruntime-web/wasm"), threads), "wasm", {
    executionProviders: ["wasm"],
  });
}

async function build(load: () => Promise<unknown>, threads = defaultThreads()): Promise<Ort> {
  try {
    const ort = (await load()) as Ort & { env: { wasm: { numThreads?: number } } };
    ort.env.wasm.numThreads = threads;
    return ort;
  } catch (cause) {
    throw new UserError(
      `onnxruntime-web cannot be loaded: ${visible(String(Object(cause).message ?? cause)).slice(0, 200)}. Check that the page can read its files.`,
      { code: "device.unavailable", cause },
    );
  }
}

/** Threads need shared memory, which only isolated pages have (headers COOP and COEP). */
function defaultThreads(): number {
  return globalThis.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 4) : 1;
}

async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<object | null> } };
  try {
    return Boolean(await gpu?.requestAdapter());
  } catch {
    return false;
  }
}
