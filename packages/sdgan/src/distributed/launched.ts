/** A process that `launch` has started, and what it reports to its launcher. */
import { ProcessLost } from "./process-lost.js";
import type { ReportedError } from "./reported-errors.js";

/** Set to 1 in the environment of a process that `launch` starts. */
export const launchVariable = "SDGAN_LAUNCHED";

/** The number of processes, in a process that `launch` has started; else undefined. */
export function launchedProcesses(environment = process.env): number | undefined {
  return environment[launchVariable] === "1" ? Number(environment.WORLD_SIZE) : undefined;
}

/**
 * Reports the error that ends this process to its launcher, if it has one.
 * @returns whether the launcher prints it; process 0 has the terminal, and prints its own
 */
export function reportToLauncher(line: string, error: unknown): boolean {
  if (launchedProcesses() === undefined || !process.connected) return false;
  const message: ReportedError = { line, lost: lossOf(error)?.lost };
  process.send!(message, () => {}); // Without a launcher there is nobody to tell.
  return process.env.RANK !== "0";
}

/** The evaluation's error has the loss as its cause. */
function lossOf(error: unknown): ProcessLost | undefined {
  if (error instanceof ProcessLost) return error;
  return error instanceof Error && error.cause instanceof ProcessLost ? error.cause : undefined;
}
