import { UserError, visible } from "@sdgan/core";

/** What runs the networks: the processor in Node, WebAssembly or WebGPU in browsers. */
export type Device = "cpu" | "wasm" | "webgpu";

/** An array with its shape. */
export interface Values {
  data: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;
  shape: readonly number[];
}

/** A network in memory, ready to run. Only one run at a time. */
export interface Network {
  /**
   * Runs the network. All outputs are float32.
   * @param outputs names of those to return
   * @throws UserError `model.invalid` if the runtime cannot run it
   */
  run(inputs: Record<string, Values>, outputs: readonly string[]): Promise<Record<string, FloatOutput>>;
  release(): Promise<void>;
}

export interface FloatOutput {
  data: Float32Array;
  shape: readonly number[];
}

export interface Runtime {
  device: Device;
  /**
   * @param file an ONNX file, checked
   * @param where the file's name for messages
   * @throws UserError `model.invalid` if the runtime refuses it
   */
  load(file: Uint8Array, where: string): Promise<Network>;
}

/** The part of onnxruntime's interface that is used; its packages for Node and for browsers have it. */
export interface Ort {
  Tensor: new (type: "float32" | "int64", data: never, shape: readonly number[]) => object;
  InferenceSession: {
    create(file: Uint8Array, options: object): Promise<OrtSession>;
  };
}

interface OrtSession {
  run(inputs: never, outputs: readonly string[]): Promise<Record<string, unknown>>;
  release(): Promise<void>;
}

/** A runtime on one of onnxruntime's packages. */
export function ortRuntime(ort: Ort, device: Device, options: object): Runtime {
  const tensorOf = ({ data, shape }: Values) =>
    new ort.Tensor(data instanceof BigInt64Array ? "int64" : "float32", data as never, shape);
  return {
    device,
    async load(file, where) {
      // 3: errors only. Warnings are about optimizations, and would be in every user's console.
      const session = await orRefuse(where, "cannot be loaded", () =>
        ort.InferenceSession.create(file, { ...options, logSeverityLevel: 3, graphOptimizationLevel: "all" }),
      );
      return {
        async run(inputs, outputs) {
          const feeds = Object.fromEntries(
            Object.entries(inputs).map(([name, values]) => [name, tensorOf(values)]),
          );
          const results = await orRefuse(where, "cannot be run", () => session.run(feeds as never, outputs));
          return Object.fromEntries(outputs.map((name) => [name, floatsOf(results[name], where, name)]));
        },
        release: () => session.release(),
      };
    },
  };
}

async function orRefuse<Result>(where: string, what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    const message = String(Object(cause).message ?? cause);
    throw new UserError(
      `${visible(where)}: ${what}: ${visible(message).slice(0, 300)}. Export the model again.`,
      {
        ...{ code: "model.invalid", cause },
      },
    );
  }
}

function floatsOf(tensor: unknown, where: string, name: string): FloatOutput {
  const { data, dims } = Object(tensor) as { data?: unknown; dims?: readonly number[] };
  if (!(data instanceof Float32Array) || !dims)
    throw new UserError(
      `${visible(where)}: its output ${visible(name)} is not float32. Export the model again.`,
      {
        code: "model.invalid",
      },
    );
  return { data, shape: dims };
}
