/**
 * `@sdgan/torch/host`: the process around libtorch, set up for computing. Importing `@sdgan/torch` changes nothing of the
 * process that it is imported into; who wants libtorch's full speed, and has the process to himself, says so here.
 */
import { availableParallelism } from "node:os";
import { libtorchIsLoaded, loadAddon, processors } from "./addon.js";

export { libtorchIsLoaded };

export interface ProcessOptions {
  /** Threads that one operator may use. By default OMP_NUM_THREADS, else the number of cores. */
  threads?: number;
  /**
   * Each thread stays on a core of its own, where there are as many threads as cores: on Linux two of them may otherwise
   * be left on one. The calling thread is among them, and what it starts inherits its core: see `withAllCores`.
   */
  bindThreads?: boolean;
  /** Memory that was freed is kept for the next tensor, and not given back to the system. With glibc. */
  keepMemory?: boolean;
}

/**
 * Loads libtorch into a process that is set up for it. To be called before the first import of `@sdgan/torch`, since
 * libtorch's threads are set up while it is loaded, once in a process:
 *
 *   import { tuneProcess } from "@sdgan/torch/host";
 *   tuneProcess();
 *   const { ones } = await import("@sdgan/torch");
 *
 * The environment is left as it was. A thread that waits for the others spins for a few microseconds only, whatever the
 * options, unless GOMP_SPINCOUNT says otherwise; OMP_PROC_BIND, where it is set, decides about `bindThreads`.
 * @throws {Error} if libtorch is loaded already, or cannot be
 */
export function tuneProcess(options: ProcessOptions = {}): void {
  const { threads = threadsAskedFor(), bindThreads = true, keepMemory = true } = options;
  if (threads !== undefined && !isCount(threads))
    throw new RangeError(`tuneProcess: threads: expected 1 to 1024, found ${String(threads)}`);
  if (libtorchIsLoaded())
    throw new Error(
      "tuneProcess: libtorch is already loaded in this process, and its threads are as they are. " +
        "Call tuneProcess once, before the first import of @sdgan/torch (import that with `await import(…)` behind it).",
    );
  const cores = availableParallelism(); // Counted before this thread is bound to one of them.
  // Between two operators libtorch's threads wait spinning, a millisecond by default. Where the cores are shared with
  // anything else, the one that spins keeps the one that works from its core: training gets ten times slower. The
  // same comes of two threads on one core, where the system may leave them: with a thread a core, each keeps its own.
  // Fewer threads, asked for or left by a container's quota, are bound to none: two processes would take the same cores.
  const bound = bindThreads && (threads ?? cores) >= Math.max(cores, processors.length);
  const addon = withVariables(
    {
      GOMP_SPINCOUNT: process.env.GOMP_SPINCOUNT ?? "1000",
      ...(bound && { OMP_PROC_BIND: process.env.OMP_PROC_BIND ?? "true" }),
      ...(threads !== undefined && { OMP_NUM_THREADS: String(threads) }), // For operators of other threads.
    },
    loadAddon,
  );
  if (keepMemory) addon.keepMemory();
  addon.setThreads(threads ?? cores);
}

/** Calls `fn` with these variables in the environment. Programs that are started later do not have them. */
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

/** OpenMP's own variable, where it has one number. */
function threadsAskedFor(): number | undefined {
  const threads = Number(process.env.OMP_NUM_THREADS);
  return isCount(threads) ? threads : undefined;
}

function isCount(threads: number): boolean {
  return Number.isInteger(threads) && threads >= 1 && threads <= 1024;
}
