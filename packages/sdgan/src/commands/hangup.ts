import { readFileSync } from "node:fs";
import { basename } from "node:path";

/**
 * Whether this process was started so that a closed terminal does not end it: by `nohup`, or by a program that ignores
 * SIGHUP. Node resets ignored signals to their defaults when it starts, so this is concluded from the environment that
 * shells give (`_`, the program that they start) and, on Linux, from the signals that the parent process ignores.
 */
export function ignoresHangup(starter = process.env._, parent = `/proc/${process.ppid}/status`): boolean {
  return basename(starter ?? "") === "nohup" || parentIgnoresHangup(parent);
}

function parentIgnoresHangup(status: string): boolean {
  try {
    const [, mask] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(status, "utf8")) ?? [];
    return mask !== undefined && (BigInt(`0x${mask}`) & SIGHUP) !== 0n;
  } catch {
    return false; // Not on Linux.
  }
}

/** The bit of SIGHUP, signal 1. */
const SIGHUP = 1n;
