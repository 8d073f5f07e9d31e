/** Threads that make images ready. They carry out what was decided elsewhere, in memory that all threads share. */

import { Worker } from "node:worker_threads";
import { UserError } from "@sdgan/core";
import type { StoredPixels } from "./pixels.js";
import type { ImagePlan, ResizedImages, Sizes } from "./pyramid.js";

/** What a thread is given at its start. */
export interface WorkerData {
  stored: StoredPixels;
  sizes: Sizes;
}

export interface Job {
  number: number;
  plan: ImagePlan;
  into: readonly ResizedImages[];
}

/** That a job is done, or why it cannot be. */
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
   * Fills `into` with the images of `plan`. Jobs are all of one size, so threads take turns.
   * Rejects with a `UserError` that names the file when it cannot be read or the thread has died.
   */
  fill(plan: ImagePlan, into: readonly ResizedImages[]): Promise<void> {
    const number = this.#jobs++;
    return this.#threads[number % this.#threads.length]!.do({ number, plan, into });
  }

  /** Ends the threads, whatever they are doing; what is unfinished is rejected. */
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
    // No options of Node's: those that this process was started with are about its own program.
    this.#worker = new Worker(program, { workerData: data, execArgv: [] });
    this.#worker.on("message", ({ number, refusal }: Answer) => {
      if (refusal === undefined) this.#settle(number)?.resolve();
      else this.#settle(number)?.reject(new UserError(refusal, { code: "data.invalid" }));
    });
    const { file } = data.stored;
    const died = (how: string, cause?: unknown) =>
      this.#fail(
        new UserError(
          `${file}: the thread that reads it ended (${how}). Go on from the last checkpoint with --resume.`,
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
      // The process lives as long as something is waited for, and no longer.
      this.#worker.ref();
      this.#waiting.set(job.number, { resolve, reject });
      this.#worker.postMessage(job);
    });
  }

  async end(): Promise<void> {
    this.#fail(new Error("the threads that make images ready were ended"));
    await this.#worker.terminate();
  }

  /**
   * Who waits for a job, for the last time: nobody, for an answer that comes after the thread was given up. While it is
   * being ended, the process must live.
   */
  #settle(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0 && !this.#failure) this.#worker.unref();
    return waiting;
  }

  /** The first reason is told; others follow from it. */
  #fail(reason: Error): void {
    this.#failure ??= reason;
    for (const number of [...this.#waiting.keys()]) this.#settle(number)?.reject(this.#failure);
  }
}
