import { UserError, visible } from "@sdgan/core";
import type { PipelineOptions } from "../pipeline.js";
import { type Ort, ortRuntime, type Runtime } from "../runtime.js";

/** WebGPU where there is a device, else WebAssembly. Only the chosen one of onnxruntime's builds is loaded. */
export async function webRuntime({ device, threads }: PipelineOptions): Promise<Runtime> {
  switch (device) {
    case "wasm":
      return start("wasm", threads);
    case "webgpu":
      if (await findGpu()) return start("webgpu", threads);
      throw new UserError("pipeline: this browser has no WebGPU device. Leave out device, or use wasm.", {
        code: "device.unavailable",
      });
    case undefined:
      // A GPU that the browser computes on the processor is a hundred times slower than WebAssembly.
      if ((await findGpu()) !== "hardware") return start("wasm", threads);
      return start("webgpu", threads).catch(() => start("wasm", threads));
    default:
      throw new UserError(`pipeline: the device is ${device}; expected "webgpu" or "wasm" in browsers.`, {
        code: "usage",
      });
  }
}

type WebDevice = "webgpu" | "wasm";

/** onnxruntime-web, with its WebAssembly compiled: it does that for its first network. */
async function start(device: WebDevice, threads = defaultThreads()): Promise<Runtime> {
  const options = { executionProviders: [device] };
  try {
    const ort = (await builds[device]()) as unknown as Ort & { env: { wasm: { numThreads?: number } } };
    ort.env.wasm.numThreads = threads;
    const network = await ort.InferenceSession.create(identity(), options);
    await network.release();
    return ortRuntime(ort, device, options);
  } catch (cause) {
    throw new UserError(
      `onnxruntime-web cannot be loaded: ${visible(String(Object(cause).message ?? cause)).slice(0, 300)}. Check that the page can read its files, and that its security policy allows WebAssembly.`,
      { code: "device.unavailable", cause },
    );
  }
}

const builds: Record<WebDevice, () => Promise<object>> = {
  webgpu: () => import("onnxruntime-web/webgpu"),
  wasm: () => import("onnxruntime-web/wasm"),
};

/** The smallest network, as an ONNX file of opset 17: y = Identity(x), for one float32. */
function identity(): Uint8Array {
  const operator = new TextEncoder().encode("Identity");
  const node = [0x0a, 1, 0x78, 0x12, 1, 0x79, 0x22, operator.length, ...operator];
  const port = (name: number) => [0x0a, 1, name, 0x12, 6, 0x0a, 4, 0x08, 1, 0x12, 0];
  const [x, y] = [port(0x78), port(0x79)];
  const graph = [0x0a, node.length, ...node, 0x12, 1, 0x67, 0x5a, x.length, ...x, 0x62, y.length, ...y];
  return Uint8Array.from([0x08, 8, 0x3a, graph.length, ...graph, 0x42, 2, 0x10, 17]);
}

/**
 * Threads need shared memory, which only isolated pages have (headers COOP and COEP). They wait for each other by spinning,
 * so one core is left to the browser: with both of two cores, an image takes three times as long as with one.
 */
function defaultThreads(): number {
  const cores = navigator.hardwareConcurrency || 1;
  return globalThis.crossOriginIsolated ? Math.max(1, Math.min(cores - 1, 4)) : 1;
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
