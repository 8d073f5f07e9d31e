/**
 * `@sdgan/torch/host`: sets up the process for computing with libtorch. Importing `@sdgan/torch` does not change the
 * process. A program that owns its process gets libtorch's full speed by calling `tuneProcess`.
 */
import { availableParallelism } from "node:os";
import { libtorchIsLoaded, loadAddon, processors } from "./addon.js";
import { openBlasIgnoresAvx512 } from "./processor.js";

export { libtorchIsLoaded };

export interface ProcessOptions {
  /** Threads that one operator may use. By default OMP_NUM_THREADS, else the number of cores. */
  threads?: number;
  /**
   * Binds each thread to its own core if there are as many threads as cores; otherwise Linux may leave two threads on one
   * core. The calling thread is bound too, and threads and programs that it starts inherit its core: see `withAllCores`.
   */
  bindThreads?: boolean;
  /** Keeps freed memory for later tensors instead of returning it to the system. Needs glibc. */
  keepMemory?: boolean;
}

/**
 * Sets up the process and loads libtorch. It must be called before the first import of `@sdgan/torch`, because
 * libtorch's threads are set up while it is loaded, once per process:
 *
 *   import { tuneProcess } from "@sdgan/torch/host";
 *   tuneProcess();
 *   const { ones } = await import("@sdgan/torch");
 *
 * The environment is not changed. With all options, a thread that waits for others spins for a fraction of a millisecond,
 * unless GOMP_SPINCOUNT is set. If OMP_PROC_BIND is set, it overrides `bindThreads`. On AMD's processors with AVX-512,
 * OpenBLAS uses it, unless OPENBLAS_CORETYPE is set.
 * @throws {Error} if libtorch is loaded already, or cannot be
 */
export function tuneProcess(options: ProcessOptions = {}): void {
  const { threads = threadsAskedFor(), bindThreads = true, keepMemory = true } = options;
  if (threads !== undefined && !isCount(threads))
    throw new RangeError(`tuneProcess: threads: expected 1 to 1024, found ${String(threads)}`);
  if (libtorchIsLoaded())
    throw new Error(
      "tuneProcess: libtorch is already loaded in this process, so its threads can no longer be set up. " +
        "Call tuneProcess once, before the first import of @sdgan/torch (import that afterwards, with `await import(…)`).",
    );
  const cores = availableParallelism(); // Counted before this thread is bound to one of them.
  // Between two operators, libtorch's threads spin while they wait, several milliseconds by default. If another program
  // shares the cores, a spinning thread keeps a working one from its core: training gets ten times slower. A thread that
  // does not spin has to be woken for every operator (docs/performance.md). Two threads on one
  // core have the same effect, and the system may leave them there: with one thread per core, each is bound to its own.
  // Fewer threads, by option or a container's quota, are not bound: two processes would be bound to the same cores.
  const bound = bindThreads && (threads ?? cores) >= Math.max(cores, processors.length);
  const addon = withVariables(
    {
      GOMP_SPINCOUNT: process.env.GOMP_SPINCOUNT ?? "10000",
      ...(openBlasIgnoresAvx512() && { OPENBLAS_CORETYPE: process.env.OPENBLAS_CORETYPE ?? "SKYLAKEX" }),
      ...(bound && { OMP_PROC_BIND: process.env.OMP_PROC_BIND ?? "true" }),
      ...(threads !== undefined && { OMP_NUM_THREADS: String(threads) }), // For operators called from other threads.
    },
    loadAddon,
  );
  if (keepMemory) addon.keepMemory();
  addon.setThreads(threads ?? cores);
}

/** Calls `fn` with these variables in the environment. Programs started later do not get them. */
function withVariables<T>(variables: Record<string, string>, fn: () => T): T {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return fn();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** OpenMP's variable, if it is a single number. */
function threadsAskedFor(): number | undefined {
  const threads = Number(process.env.OMP_NUM_THREADS);
  return isCount(threads) ? threads : undefined;
}

function isCount(threads: number): boolean {
  return Number.isInteger(threads) && threads >= 1 && threads <= 1024;
}
