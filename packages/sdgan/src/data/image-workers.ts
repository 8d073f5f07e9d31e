/**
 * Worker threads that prefetch images. They execute given plans and write into memory shared by all threads.
 */

import { Worker } from "node:worker_threads";
import { UserError } from "@sdgan/core";
import type { StoredPixels } from "./pixels.js";
import type { ImagePlan, ResizedImages, Sizes } from "./pyramid.js";

/** What a thread receives at its start. */
export interface WorkerData {
  stored: StoredPixels;
  sizes: Sizes;
}

export interface Job {
  number: number;
  plan: ImagePlan;
  into: readonly ResizedImages[];
}

/** Reports that a job is done, or why it failed. */
export interface Answer {
  number: number;
  refusal?: string;
}

export class ImageWorkers implements AsyncDisposable {
  readonly #threads: Thread[];
  #jobs = 0;

  /** Starts `count` threads. */
  constructor(count: number, data: WorkerData) {
    this.#threads = Array.from({ length: count }, () => new Thread(data));
  }

  /**
   * Fills `into` with the images of `plan`. All jobs have the same size, so threads take turns.
   * Rejects with a `UserError` that names the file when it cannot be read or the thread has died.
   */
  fill(plan: ImagePlan, into: readonly ResizedImages[]): Promise<void> {
    const number = this.#jobs++;
    return this.#threads[number % this.#threads.length]!.do({ number, plan, into });
  }

  /** Stops the threads at once; unfinished jobs are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #failure: Error | undefined;

  constructor(data: WorkerData) {
    const program = new URL("./image-worker.js", import.meta.url);
    // Without this process's Node options, which are meant for its own program.
    this.#worker = new Worker(program, { workerData: data, execArgv: [] });
    this.#worker.on("message", ({ number, refusal }: Answer) => {
      if (refusal === undefined) this.#settle(number)?.resolve();
      else this.#settle(number)?.reject(new UserError(refusal, { code: "data.invalid" }));
    });
    const { file } = data.stored;
    const died = (how: string, cause?: unknown) =>
      this.#fail(
        new UserError(
          `${file}: the thread that reads it ended (${how}). Continue from the last checkpoint with --resume.`,
          { code: "data.invalid", cause },
        ),
      );
    this.#worker.on("error", (error) => died(error.message, error));
    this.#worker.on("exit", (code) => died(`exit code ${code}`));
    this.#worker.unref();
  }

  do(job: Job): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      // The thread keeps the process alive only while a job is pending.
      this.#worker.ref();
      this.#waiting.set(job.number, { resolve, reject });
      this.#worker.postMessage(job);
    });
  }

  async end(): Promise<void> {
    this.#fail(new Error("the image worker threads were stopped"));
    await this.#worker.terminate();
  }

  /**
   * Removes and returns the waiting caller of a job: undefined for an answer that arrives after the thread
   * failed. After a failure the thread is not unreferenced, so that the process lives until the thread has
   * ended.
   */
  #settle(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0 && !this.#failure) this.#worker.unref();
    return waiting;
  }

  /** Rejects all pending jobs with the first reason; later failures are its consequences. */
  #fail(reason: Error): void {
    this.#failure ??= reason;
    for (const number of [...this.#waiting.keys()]) this.#settle(number)?.reject(this.#failure);
  }
}
