/** The machine under the tensors. */
import { processors } from "./addon.js";
import { native } from "./native.js";
import { synchronous } from "./scope.js";

/** Threads that one operator may use; `tuneProcess` of `@sdgan/torch/host` sets them for all threads of the process. */
export function setThreads(threads: number): void {
  native.setThreads(threads);
}

export function threads(): number {
  return native.threads();
}

/**
 * Runs `fn`; the threads and programs that it starts may run on every core that the process was given. After
 * `tuneProcess` libtorch keeps this thread on one core, beside its own threads on the others, and what a thread starts
 * inherits its cores: a `Worker` that is made outside `fn` shares one with the thread that computes.
 * Throws a `TypeError` when `fn` is asynchronous: what it starts later would be started outside.
 */
export function withAllCores<T>(fn: () => T): T {
  return synchronous("withAllCores", native.onProcessors(processors, fn));
}

export function cudaIsAvailable(): boolean {
  return native.hasCuda();
}

/** A GPU of NVIDIA's. */
export interface Gpu {
  name: string;
  /** Bytes. */
  memory: number;
  /** Compute capability, which tells its generation: from 8 on it multiplies bfloat16 and TF32. */
  capability: readonly [major: number, minor: number];
}

/** NVIDIA's driver: the newest CUDA that it runs, such as "13.0", and the GPUs that CUDA_VISIBLE_DEVICES leaves. */
export interface CudaDriver {
  version: string;
  gpus: Gpu[];
}

/** What the driver tells, whether or not this libtorch can use it; undefined where there is none. */
export function cudaDriver(): CudaDriver | undefined {
  const told = native.cudaDriver();
  if (!told) return undefined;
  const version = `${Math.floor(told.version / 1000)}.${Math.floor((told.version % 1000) / 10)}`;
  return { version, gpus: told.gpus.filter((gpu) => gpu !== null) as unknown as Gpu[] };
}

/**
 * Whether a GPU may round the factors of float32 products to TF32's 10 bits, which is several times as fast. libtorch
 * begins with yes in convolutions and no in products of matrices.
 */
export function setTf32(allowed: boolean): void {
  native.setTf32(allowed);
}

/** Whether cuDNN tries its algorithms on every new shape of a convolution, and keeps the fastest. */
export function setCudnnBenchmark(enabled: boolean): void {
  native.setCudnnBenchmark(enabled);
}

/** Waits for the GPU. Without one, nothing is left to wait for. */
export function synchronize(): void {
  native.synchronize();
}

/** What this libtorch is: its version, and its own description of how it was built. */
export function libtorchInfo(): {
  version: string;
  config: string;
  parallel: string;
  mkldnn: boolean;
  cuda: boolean;
} {
  return {
    version: native.version(),
    config: native.config(),
    parallel: native.parallelInfo(),
    mkldnn: native.hasMkldnn(),
    cuda: native.hasCuda(),
  };
}

/** Whether convolutions may use oneDNN's kernels: faster, and rounding in another order than the plain ones. */
export function setMkldnn(enabled: boolean): void {
  native.setMkldnn(enabled);
}

/** Bytes that tensors hold in this process's memory, those of views and of graphs for gradients among them. */
export function memoryInUse(): number {
  return native.memoryInUse();
}
