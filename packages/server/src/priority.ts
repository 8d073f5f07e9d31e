import { getPriority, setPriority } from "node:os";

/**
 * Lets a child process that computes give way to this one, which answers: while all processors are busy, this process
 * would otherwise wait its turn for each request. To be called when the child has just started: on Linux its later
 * threads inherit the priority, and earlier ones keep theirs.
 *
 * @param pid undefined if the child could not be started
 */
export function giveWay(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    // Not lower where this whole program has been given a low priority: beside others, it would hardly compute.
    setPriority(pid, Math.max(getPriority(), LOWER));
  } catch {
    // The child has ended, or the system does not allow it: it computes as this process does.
  }
}

/** A third of the weight of a process of usual priority, such as a browser on the same machine. The range is −20 … 19. */
const LOWER = 5;
