/**
 * Work of many independent parts, such as the batches of an evaluation, that several processes share: part k is computed by
 * process k mod W. A part is computed as it would be in a single process, so its result has the same bits, if both compute
 * with the same number of threads on the same kind of machine.
 */
import { setImmediate } from "node:timers/promises";
import type { Processes } from "./processes.js";

export interface WorkShare {
  /**
   * Computes the parts 0 … `count` − 1, all processes theirs, and returns the results of all in order; undefined in processes
   * other than the first. All processes call this at the same points, and they wait for each other as long as all live.
   *
   * @param compute returns a value of plain objects, arrays and what JSON has, with tensors in it (float32, on the CPU)
   * @throws ProcessLost after the part under way, if another process ends or is silent
   */
  collect<Part>(count: number, compute: (part: number) => Part): Promise<Part[] | undefined>;
}

/** All of the work, in a single process. */
export const allWork: WorkShare = {
  collect: async (count, compute) => Array.from({ length: count }, (_, part) => compute(part)),
};

/** This process's share. */
export function sharedWork(
  processes: Pick<Processes, "rank" | "worldSize" | "meet" | "requireNoneLost" | "toFirst">,
): WorkShare {
  const { rank, worldSize } = processes;
  return {
    async collect<Part>(count: number, compute: (part: number) => Part) {
      const own: Part[] = [];
      for (let part = rank; part < count; part += worldSize) {
        own.push(compute(part));
        await setImmediate(); // Lets the news of a lost process arrive.
        processes.requireNoneLost();
      }
      // Parts may take longer than an operation of a process group may wait.
      await processes.meet();
      const all = processes.toFirst(own);
      return all && Array.from({ length: count }, (_, k) => all[k % worldSize]![Math.floor(k / worldSize)]!);
    },
  };
}
