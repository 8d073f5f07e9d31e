import { constants } from "node:os";

/** While it lives, Ctrl-C and SIGTERM ask the work to end in good order; asked again, the process ends at once. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #say: () => void;
  /** The process's exit code after such an end, as shells have it: 130 for Ctrl-C. */
  exitCode: number | undefined;

  /**
   * @param say shows a line
   * @param line what is shown when the work is asked to end
   */
  constructor(say: (line: string) => void, line = TRAINING) {
    this.#say = () => say(line);
    for (const signal of signals) process.on(signal, this.#ask);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of signals) process.off(signal, this.#ask);
  }

  readonly #ask = (signal: (typeof signals)[number]): void => {
    const exitCode = 128 + constants.signals[signal];
    if (this.exitCode !== undefined) process.exit(exitCode);
    this.exitCode = exitCode;
    this.#say();
    this.#controller.abort();
  };
}

const TRAINING = "Finishing this step and saving; once more ends at once, with the last checkpoint";

const signals = ["SIGINT", "SIGTERM"] as const;
