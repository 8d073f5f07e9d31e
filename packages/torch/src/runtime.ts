/** The machine under the tensors. */
import { native, processors } from "./native.js";
import { synchronous } from "./scope.js";

/** Threads that one operator may use; the number of cores unless OMP_NUM_THREADS says otherwise. */
export function setThreads(threads: number): void {
  native.setThreads(threads);
}

export function threads(): number {
  return native.threads();
}

/**
 * Runs `fn`; the threads that it starts may run on every core that the process was given. libtorch keeps this thread
 * on one core, beside its own threads on the others, and what a thread starts inherits its cores: a `Worker` that is
 * made outside `fn` shares one with the thread that computes.
 * Throws a `TypeError` when `fn` is asynchronous: what it starts later would be started outside.
 */
export function withAllCores<T>(fn: () => T): T {
  return synchronous("withAllCores", native.onProcessors(processors, fn));
}

export function cudaIsAvailable(): boolean {
  return native.hasCuda();
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
