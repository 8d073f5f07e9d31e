/** Threads, GPUs, memory and modes of libtorch. */
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
 * Runs `fn`. Threads and programs that it starts may run on all cores of the process. After `tuneProcess`, this thread is
 * bound to one core and libtorch's threads to the others, and new threads inherit the cores of their creator: a `Worker`
 * started outside `fn` would share a core with the computing thread.
 * Throws a `TypeError` if `fn` is asynchronous: what it starts later would be started outside.
 */
export function withAllCores<T>(fn: () => T): T {
  return synchronous("withAllCores", native.onProcessors(processors, fn));
}

export function cudaIsAvailable(): boolean {
  return native.hasCuda();
}

/** An NVIDIA GPU. */
export interface Gpu {
  name: string;
  /** In bytes. */
  memory: number;
  /** Compute capability, its generation: from 8 it supports products of bfloat16 and TF32. */
  capability: readonly [major: number, minor: number];
}

/** NVIDIA's driver: the newest CUDA that it supports, such as "13.0", and the GPUs that CUDA_VISIBLE_DEVICES allows. */
export interface CudaDriver {
  version: string;
  gpus: Gpu[];
}

/** The driver's report, whether or not this libtorch can use it; undefined if there is no driver. */
export function cudaDriver(): CudaDriver | undefined {
  const report = native.cudaDriver();
  if (!report) return undefined;
  const version = `${Math.floor(report.version / 1000)}.${Math.floor((report.version % 1000) / 10)}`;
  return { version, gpus: report.gpus.filter((gpu) => gpu !== null) as unknown as Gpu[] };
}

/**
 * Whether a GPU may round the factors of float32 products to TF32's 10 bits, which is several times as fast. libtorch's
 * default is true for convolutions and false for matrix products.
 */
export function setTf32(allowed: boolean): void {
  native.setTf32(allowed);
}

/** Whether cuDNN tries its algorithms on every new shape of a convolution, and keeps the fastest. */
export function setCudnnBenchmark(enabled: boolean): void {
  native.setCudnnBenchmark(enabled);
}

/** Waits until the GPU has finished. Without a GPU it returns at once. */
export function synchronize(): void {
  native.synchronize();
}

/** This libtorch's version, and its description of how it was built. */
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

/** Whether convolutions may use oneDNN's kernels: faster, with another order of rounding than the plain kernels. */
export function setMkldnn(enabled: boolean): void {
  native.setMkldnn(enabled);
}

/** Bytes of this process's memory that tensors hold, including those of autograd graphs. */
export function memoryInUse(): number {
  return native.memoryInUse();
}
