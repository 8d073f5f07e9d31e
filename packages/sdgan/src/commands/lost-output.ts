/**
 * What happens when stdout or stderr can no longer be written: its reader (`head`) has ended, or the terminal was closed.
 * A command ends quietly then, but not while it does work that must end in order.
 */
import { closeSync, openSync } from "node:fs";
import { isatty } from "node:tty";

/** Until disposed, lost output does not end this process. */
export function keepWorking(): Disposable {
  workers += 1;
  return {
    [Symbol.dispose]() {
      workers -= 1;
    },
  };
}

let workers = 0;

/** Handles the errors of both streams from now on. Called once, before anything is written. */
export function handleLostOutput(): void {
  terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  process.stdout.on("error", (error) => {
    requireLost(error);
    if (workers === 0) process.exit(); // With the exit code so far, by default 0.
  });
  process.stderr.on("error", requireLost);
}

/** Standard streams that were terminals when this process started. */
let terminals: number[] = [];

/**
 * Replaces the standard streams' descriptors of a closed terminal. At exit Node resets the mode of its terminals, and
 * aborts where that fails, so that the exit code would be that of a crash. Streams that are open already have descriptors
 * of their own, and continue to work if the terminal does.
 */
export function releaseTerminal(): void {
  for (const descriptor of terminals) {
    closeSync(descriptor);
    openSync("/dev/null", "r+"); // Gets the lowest free number: that of the closed one.
  }
  terminals = [];
}

/** EPIPE: the reader of a pipe ended. EIO: the terminal was closed. After either, the stream is destroyed. */
function requireLost(error: NodeJS.ErrnoException): void {
  if (error.code === "EIO") releaseTerminal();
  else if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
}
