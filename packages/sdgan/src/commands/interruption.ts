import { constants } from "node:os";
import { ignoresHangup } from "./hangup.js";
import { keepWorking, releaseTerminal } from "./lost-output.js";

/**
 * Until disposed, Ctrl-C, SIGTERM and SIGHUP (the terminal was closed) abort `signal`, so that the work can end in order,
 * and output that nobody can read any more does not end it. A second Ctrl-C or SIGTERM exits at once. SIGHUP never does:
 * a shell sends it again to its jobs when its terminal is closed, and systemd sends it after SIGTERM.
 *
 * A process with a channel to its parent (`ablate` gives its trainings one) is interrupted too when the parent ends.
 */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #say: () => void;
  readonly #keepsWorking = keepWorking();
  /** Ctrl-C and SIGTERM so far. */
  #requests = 0;
  /** The exit code after an interruption, by the convention of shells: 130 for Ctrl-C. */
  exitCode: number | undefined;

  /**
   * @param say prints a line
   * @param line the line to print when the work is interrupted
   */
  constructor(say: (line: string) => void, line = TRAINING) {
    this.#say = () => say(line);
    for (const signal of signals) process.on(signal, this.#interrupt);
    if (process.channel) process.on("disconnect", this.#hangUp);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#interrupt);
    process.off("disconnect", this.#hangUp);
    this.#keepsWorking[Symbol.dispose]();
  }

  readonly #hangUp = (): void => this.#interrupt("SIGHUP");

  readonly #interrupt = (signal: (typeof signals)[number]): void => {
    if (signal === "SIGHUP") releaseTerminal();
    if (signal === "SIGHUP" && ignoresHangup()) return;
    const exitCode = 128 + constants.signals[signal];
    if (signal !== "SIGHUP") this.#requests += 1;
    if (this.#requests > 1) process.exit(exitCode);
    if (this.exitCode !== undefined) return;
    this.exitCode = exitCode;
    this.#say();
    this.#controller.abort();
  };
}

const TRAINING =
  "Finishing this step and saving; press Ctrl-C again to exit immediately with the last checkpoint";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
