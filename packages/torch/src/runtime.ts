/** The machine under the tensors. */
import { native } from "./native.js";

/** Threads that one operator may use; the number of cores unless OMP_NUM_THREADS says otherwise. */
export function setThreads(threads: number): void {
  native.setThreads(threads);
}

export function threads(): number {
  return native.threads();
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
