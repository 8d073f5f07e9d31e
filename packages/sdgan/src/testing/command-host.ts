/**
 * For tests: a process that runs commands of `sdgan` one after another. A process of its own for each command costs two to
 * three seconds, most of them for loading libtorch.
 *
 * Fit for commands whose result does not depend on a new process: refusals, tables, and the one run of two that are compared.
 * What has to be true of a process itself (signals, exit, continuing a run bit for bit in a new process) needs `sdgan` of
 * `cli.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Ended } from "./cli.js";

const program = fileURLToPath(new URL("../../dist/testing/command-host-program.js", import.meta.url));

/** What the process is asked for, and its answer. */
export interface Command {
  args: string[];
  /** Variables of the environment, for this command only. */
  variables: Record<string, string>;
}

export class CommandHost implements Disposable {
  readonly #imports: string[];
  #child: ChildProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param imports URLs of modules that the process imports first */
  constructor(...imports: string[]) {
    this.#imports = imports;
  }

  /** Runs `sdgan ARGS` after the commands before it. */
  readonly sdgan = (...args: string[]): Promise<Ended> => this.sdganIn({}, ...args);

  /** The same with these variables in its environment. */
  readonly sdganIn = (variables: Record<string, string>, ...args: string[]): Promise<Ended> => {
    const ended = this.#last.then(() => this.#run({ args, variables }));
    this.#last = ended;
    return ended;
  };

  [Symbol.dispose](): void {
    this.#child?.disconnect();
    this.#child = undefined;
  }

  #run(command: Command): Promise<Ended> {
    this.#child ??= this.#start();
    const child = this.#child;
    return new Promise((resolve) => {
      const answered = (ended: Ended) => {
        child.off("exit", died);
        resolve(ended);
      };
      const died = (code: number | null, signal: string | null) => {
        child.off("message", answered);
        this.#child = undefined;
        resolve({
          code,
          signal,
          stdout: "",
          stderr: `the process ended during sdgan ${command.args.join(" ")}`,
        });
      };
      child.once("message", answered).once("exit", died);
      child.send(command);
    });
  }

  #start(): ChildProcess {
    const env = { ...process.env, OMP_NUM_THREADS: "1", _: process.execPath };
    const imports = this.#imports.flatMap((url) => ["--import", url]);
    // What does not go through Node's streams, such as libtorch's warnings, is seen in the test's output.
    return spawn(process.execPath, [...imports, program], {
      env,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
  }
}
