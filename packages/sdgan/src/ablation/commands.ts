/** Our own command line in processes of its own, which end in good order when they are asked to. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "@sdgan/core";
import { withAllCores } from "@sdgan/torch";
import { ensureFolder, onDisk } from "../util/system-errors.js";

const program = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));

/**
 * Runs commands until it is disposed of. `signal` asks those that run to end, once: a training then saves. They are
 * groups of their own, so that Ctrl-C in a terminal reaches them through us and not twice; when this process ends they
 * are ended with it.
 */
export class Commands implements Disposable {
  readonly #children = new Set<ChildProcess>();
  readonly #signal: AbortSignal;
  readonly #threads: number;

  /** @param threads each command computes with so many */
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
   * Runs `sdgan ARGS`; what it says goes to the end of the file `log`. Returns whether it came to its end, rather than
   * being interrupted.
   * @throws UserError with what it said last, if it failed
   */
  async run(args: readonly string[], log: string): Promise<boolean> {
    if (this.#signal.aborted) return false;
    onDisk(log, () => ensureFolder(dirname(log)));
    const file = onDisk(log, () => openSync(log, "a"));
    const env = { ...process.env, OMP_NUM_THREADS: String(this.#threads) };
    const child = withAllCores(() =>
      spawn(process.execPath, [program, ...args], {
        ...{ env, detached: true, stdio: ["ignore", file, file] },
      }),
    );
    this.#children.add(child);
    try {
      const ended = await new Promise<{ code: number | null; by: string | null }>((resolve, reject) => {
        child.on("error", reject).on("close", (code, by) => resolve({ code, by }));
      });
      if (ended.code === 0) return true;
      if (this.#signal.aborted) return false;
      throw new UserError(failure(args, log, ended.by));
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
  const said = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  const reason = by ? `ended by ${by}` : said.replace(/^sdgan: /, "");
  return `sdgan ${args.slice(0, 2).join(" ")}: ${reason} (${log} has all that it said)`;
}
