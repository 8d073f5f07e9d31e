import { constants } from "node:os";

/** Until disposed, Ctrl-C and SIGTERM abort `signal`, so that the work can end in order; a second one exits at once. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #say: () => void;
  /** The exit code after an interruption, by the convention of shells: 130 for Ctrl-C. */
  exitCode: number | undefined;

  /**
   * @param say prints a line
   * @param line the line to print when the work is interrupted
   */
  constructor(say: (line: string) => void, line = TRAINING) {
    this.#say = () => say(line);
    for (const signal of signals) process.on(signal, this.#interrupt);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#interrupt);
  }

  readonly #interrupt = (signal: (typeof signals)[number]): void => {
    const exitCode = 128 + constants.signals[signal];
    if (this.exitCode !== undefined) process.exit(exitCode);
    this.exitCode = exitCode;
    this.#say();
    this.#controller.abort();
  };
}

const TRAINING =
  "Finishing this step and saving; press Ctrl-C again to exit immediately with the last checkpoint";

const signals = ["SIGINT", "SIGTERM"] as const;
