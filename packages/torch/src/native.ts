/** The addon, as it is: everything untyped ends in this file's neighbours. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { pathOfAddon } from "./addon-path.js";

/** Something of libtorch's that JavaScript only holds. */
declare const opaque: unique symbol;
export interface NativeGenerator {
  [opaque]: "generator";
}

export interface NativeGpu {
  name: string;
  memory: number;
  capability: number[];
}

export interface Native {
  Tensor: new () => object;
  setTensorClass(subclass: new () => object): void;
  dispose(tensor: object): void;
  isDisposed(tensor: object): boolean;
  account(tensor: object): void;
  shape(tensor: object): number[];
  strides(tensor: object): number[];
  size(tensor: object, dim: number): number;
  dtype(tensor: object): string;
  device(tensor: object): string;
  requiresGrad(tensor: object): boolean;
  setRequiresGrad(tensor: object, value: boolean): void;
  isLeaf(tensor: object): boolean;
  gradient(tensor: object): object | null;
  setGradient(tensor: object, value: object | null): void;
  isContiguous(tensor: object, format: string): boolean;
  describe(tensor: object): string;
  item(tensor: object): number | boolean;
  fromBytes(bytes: Uint8Array, shape: readonly number[], dtype: string): object;
  readBytes(tensor: object, bytes: Uint8Array): void;
  byteLength(tensor: object): number;
  operator(name: string): number;
  schema(index: number): string;
  call(index: number, ...values: unknown[]): unknown;
  grad(
    outputs: readonly object[],
    inputs: readonly object[],
    gradOutputs: readonly (object | null)[] | null,
    retainGraph: boolean,
    createGraph: boolean,
    allowUnused: boolean,
  ): (object | null)[];
  backward(
    outputs: readonly object[],
    gradOutputs: readonly (object | null)[] | null,
    retainGraph: boolean,
    createGraph: boolean,
  ): void;
  withoutGrad<T>(fn: () => T): T;
  withGrad<T>(fn: () => T): T;
  inferenceMode<T>(fn: () => T): T;
  isGradEnabled(): boolean;
  generator(seed: number, device: string): NativeGenerator;
  defaultGenerator(device: string): NativeGenerator;
  getGeneratorState(generator: NativeGenerator): object;
  setGeneratorState(generator: NativeGenerator, state: object): void;
  manualSeed(seed: number): void;
  setThreads(threads: number): void;
  threads(): number;
  onProcessors<T>(processors: readonly number[], fn: () => T): T;
  keepMemory(): boolean;
  memoryInUse(): number;
  profile(fn: () => void): { operator: string; calls: number; total: number; own: number }[];
  synchronize(): void;
  version(): string;
  config(): string;
  parallelInfo(): string;
  hasCuda(): boolean;
  hasMkldnn(): boolean;
  setMkldnn(enabled: boolean): void;
  setTf32(allowed: boolean): void;
  setCudnnBenchmark(enabled: boolean): void;
  cudaDriver(): { version: number; gpus: (NativeGpu | null)[] } | null;
}

/** The processors that this thread might run on before libtorch bound it to one; none where the system does not tell. */
export const processors = processorsAllowed();

export const native = load();

function load(): Native {
  const path = pathOfAddon();
  const cores = availableParallelism(); // Counted before this thread is bound to one of them.
  const threads = threadsAskedFor();
  // Between two operators libtorch's threads wait spinning, a millisecond by default. Where the cores are shared with
  // anything else, the one that spins keeps the one that works from its core: training gets ten times slower. The
  // same comes of two threads on one core, where the system may leave them: with a thread a core, each keeps its own.
  // Fewer threads, asked for or left by a container's quota, are bound to none: two processes would take the same cores.
  const bound = (threads ?? cores) >= Math.max(cores, processors.length);
  const settings = { GOMP_SPINCOUNT: "1000", ...(bound && { OMP_PROC_BIND: "true" }) };
  const addon = withVariables(settings, () => {
    try {
      return createRequire(import.meta.url)(path) as Native;
    } catch (error) {
      const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
      throw new Error(`libtorch's addon cannot be loaded from ${path} (${reason}). Run: npx sdgan setup`);
    }
  });
  addon.keepMemory();
  addon.setThreads(threads ?? cores);
  return addon;
}

/** Calls `fn` while the environment has these variables too, where it did not. Programs that are started later have not. */
function withVariables<T>(variables: Record<string, string>, fn: () => T): T {
  const added = Object.entries(variables).filter(([name]) => process.env[name] === undefined);
  for (const [name, value] of added) process.env[name] = value;
  try {
    return fn();
  } finally {
    for (const [name] of added) delete process.env[name];
  }
}

/** Linux lists them as `0-3,8`. */
function processorsAllowed(): number[] {
  let status: string;
  try {
    status = readFileSync("/proc/thread-self/status", "utf8");
  } catch {
    return [];
  }
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** OpenMP's own variable, where it has one number. */
function threadsAskedFor(): number | undefined {
  const threads = Number(process.env.OMP_NUM_THREADS);
  return Number.isInteger(threads) && threads >= 1 && threads <= 1024 ? threads : undefined;
}
