/** Runs sdgan commands in child processes that can be interrupted. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "@sdgan/core";
import { withAllCores } from "@sdgan/torch";
import { ensureFolder, onDisk } from "../util/system-errors.js";

const program = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));

/**
 * Runs commands until it is disposed of. When `signal` is aborted, running commands get one SIGINT, on which
 * a training saves a checkpoint. Commands are in process groups of their own, so that Ctrl-C in a terminal
 * does not reach them twice. They are killed when this process ends. If it is killed itself, they get no signal, but
 * their channel to it closes, on which they end as on a signal.
 */
export class Commands implements Disposable {
  readonly #children = new Set<ChildProcess>();
  readonly #signal: AbortSignal;
  readonly #threads: number;

  /** @param threads number of threads per command */
  constructor({ signal, threads }: { signal: AbortSignal; threads: number }) {
    this.#signal = signal;
    this.#threads = threads;
    signal.addEventListener("abort", this.#interrupt);
    process.on("exit", this.#kill);
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#interrupt);
    process.off("exit", this.#kill);
    this.#kill();
  }

  /**
   * Runs `sdgan ARGS`, and appends its output to the file `log`. Returns whether it completed; false if
   * interrupted.
   * @throws UserError with the last line of its output, if it failed
   */
  async run(args: readonly string[], log: string): Promise<boolean> {
    if (this.#signal.aborted) return false;
    onDisk(log, () => ensureFolder(dirname(log)));
    const file = onDisk(log, () => openSync(log, "a"));
    const env = { ...process.env, OMP_NUM_THREADS: String(this.#threads) };
    const child = withAllCores(() =>
      spawn(process.execPath, [program, ...args], {
        ...{ env, detached: true, stdio: ["ignore", file, file, "ipc"] },
      }),
    );
    this.#children.add(child);
    try {
      const ended = await new Promise<{ code: number | null; by: string | null }>((resolve, reject) => {
        child.on("error", reject).on("close", (code, by) => resolve({ code, by }));
      });
      if (ended.code === 0) return true;
      if (this.#signal.aborted) return false;
      throw new UserError(failure(args, log, ended.by), { code: "training.failed" });
    } finally {
      this.#children.delete(child);
      closeSync(file);
    }
  }

  readonly #interrupt = (): void => {
    for (const child of this.#children) child.kill("SIGINT");
  };

  readonly #kill = (): void => {
    for (const child of this.#children) child.kill("SIGKILL");
  };
}

function failure(args: readonly string[], log: string, by: string | null): string {
  const lastLine = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  const reason = by ? `ended by ${by}` : lastLine.replace(/^sdgan: /, "");
  return `sdgan ${args.slice(0, 2).join(" ")}: ${reason} (full output: ${log})`;
}
