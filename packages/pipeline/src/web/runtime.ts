import { UserError, visible } from "@sdgan/core";
import type { PipelineOptions } from "../pipeline.js";
import { type Ort, ortRuntime, type Runtime } from "../runtime.js";

/** WebGPU where there is a device, else WebAssembly. Only the chosen one of onnxruntime's builds is loaded. */
export async function webRuntime({ device, threads }: PipelineOptions): Promise<Runtime> {
  if (device === "cpu")
    throw new UserError('pipeline: the device is cpu; expected "webgpu" or "wasm" in browsers.', {
      code: "usage",
    });
  const gpu = device === "wasm" ? undefined : await findGpu();
  if (device === "webgpu" && !gpu)
    throw new UserError("pipeline: this browser has no WebGPU device. Leave out device, or use wasm.", {
      code: "device.unavailable",
    });
  // A GPU that the browser computes on the processor is a hundred times slower than WebAssembly.
  if (gpu && (device === "webgpu" || gpu === "hardware"))
    return started("webgpu", await build(() => import("onnxruntime-web/webgpu"), threads));
  return started("wasm", await build(() => import("onnxruntime-web/wasm"), threads));
}

/** Compiles onnxruntime's WebAssembly, which it does for its first network, so that it need not be done later. */
async function started(device: "webgpu" | "wasm", ort: Ort): Promise<Runtime> {
  const runtime = ortRuntime(ort, device, { executionProviders: [device] });
  const network = await runtime.load(IDENTITY, "onnxruntime-web");
  await network.release();
  return runtime;
}

/** The smallest network: y = Identity(x), of opset 17, for one float32. */
const IDENTITY = Uint8Array.from([
  ...[0x08, 8, 0x3a, 47],
  ...[
    0x0a,
    16,
    0x0a,
    1,
    0x78,
    0x12,
    1,
    0x79,
    0x22,
    8,
    ...[..."Identity"].map((letter) => letter.charCodeAt(0)),
  ],
  ...[0x12, 1, 0x67],
  ...[0x5a, 11, 0x0a, 1, 0x78, 0x12, 6, 0x0a, 4, 0x08, 1, 0x12, 0],
  ...[0x62, 11, 0x0a, 1, 0x79, 0x12, 6, 0x0a, 4, 0x08, 1, 0x12, 0],
  ...[0x42, 2, 0x10, 17],
]);

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

async function findGpu(): Promise<"hardware" | "software" | undefined> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  try {
    const adapter = await gpu?.requestAdapter();
    if (!adapter) return undefined;
    return adapter.info?.isFallbackAdapter || adapter.isFallbackAdapter ? "software" : "hardware";
  } catch {
    return undefined;
  }
}

/** The part of a GPUAdapter that is used; older browsers have the flag beside `info`. */
interface Adapter {
  info?: { isFallbackAdapter?: boolean };
  isFallbackAdapter?: boolean;
}
