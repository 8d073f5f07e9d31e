import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { UserError } from "@sdgan/core";
import { deferred } from "../deferred.js";
import { giveWay } from "../priority.js";
import type { Batch, BatchResult, ServedModel, WorkerStart } from "./messages.js";

/** The process ended while it had work. */
export class ProcessLost extends Error {
  override name = "ProcessLost";
}

/**
 * An inference process with all models loaded. It computes one batch at a time. A process and not a thread: when a thread
 * ends while onnxruntime computes, or onnxruntime crashes, the whole server would end.
 */
export class InferenceProcess {
  /**
   * Starts a process.
   * @param models folders, URLs or names
   * @param onEnd called once, with the reason, when the process has ended
   * @throws UserError if a model cannot be loaded; ProcessLost
   */
  static async start(
    models: readonly string[],
    onEnd: (ended: InferenceProcess, reason: string) => void,
  ): Promise<{ started: InferenceProcess; models: ServedModel[] }> {
    const started = new InferenceProcess(models, onEnd);
    const start = await started.#start.promise;
    if ("models" in start) return { started, models: start.models };
    started.end();
    throw new UserError(start.refusal.message, { code: start.refusal.code });
  }

  readonly #child: ChildProcess;
  readonly #start = deferred<WorkerStart>();
  #ended = false;
  #retired = false;
  #running:
    | { id: number; resolve(results: BatchResult["results"]): void; reject(error: Error): void }
    | undefined;

  private constructor(models: readonly string[], onEnd: (ended: InferenceProcess, reason: string) => void) {
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#child = fork(program, models, {
      // Without this process's Node options, which are meant for its own program.
      ...{ execArgv: [], env, serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] },
    });
    giveWay(this.#child.pid);
    this.#child.once("message", (start: WorkerStart) => {
      this.#child.on("message", (result: BatchResult) => this.#settle(result));
      this.#start.resolve(start);
    });
    const ended = (reason: string) => {
      if (this.#ended) return;
      this.#ended = true;
      const lost = new ProcessLost(`an inference process ended (${reason})`);
      this.#start.reject(lost);
      this.#running?.reject(lost);
      this.#running = undefined;
      onEnd(this, reason);
    };
    this.#child.on("error", ({ message }) => ended(message));
    this.#child.on("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  /**
   * @param timeoutMs after which the process is ended
   * @throws ProcessLost
   */
  run(batch: Batch, timeoutMs: number): Promise<BatchResult["results"]> {
    if (this.#ended) return Promise.reject(new ProcessLost("an inference process has ended"));
    const { promise, resolve, reject } = deferred<BatchResult["results"]>();
    const timer = setTimeout(() => this.end(), timeoutMs);
    this.#running = { id: batch.id, resolve, reject };
    // A process that cannot be sent to has ended or does so now.
    this.#child.send(batch, (error) => {
      if (error) this.end();
    });
    return promise.finally(() => clearTimeout(timer));
  }

  /** Ends the process when it has computed its batch. */
  retire(): void {
    this.#retired = true;
    if (!this.busy) this.end();
  }

  /** Ends the process at once; its work is lost. */
  end(): void {
    this.#child.kill("SIGKILL");
  }

  #settle({ id, results }: BatchResult): void {
    if (this.#running?.id !== id) return;
    const { resolve } = this.#running;
    this.#running = undefined;
    resolve(results);
    if (this.#retired) this.end();
  }
}

/** The compiled program, also where this file is run from its source. */
const program = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../../dist/inference/worker.js" : "./worker.js",
    import.meta.url,
  ),
);
