/** The program of a worker thread that prefetches images: see `image-workers.ts`. */

import { parentPort, workerData } from "node:worker_threads";
import { UserError } from "@sdgan/core";
import type { Answer, Job, WorkerData } from "./image-workers.js";
import { pixelReader } from "./pixels.js";
import { fillPyramid } from "./pyramid.js";

const { stored, sizes } = workerData as WorkerData;
const pixels = pixelReader(stored);
const port = parentPort!;

port.on("message", ({ number, plan, into }: Job) => {
  port.postMessage({ number, ...attempt(() => fillPyramid(pixels, plan, sizes, into)) } satisfies Answer);
});

/** A `UserError` is reported to the main thread; any other error ends this thread, which reports it. */
function attempt(work: () => void): Pick<Answer, "refusal"> {
  try {
    work();
    return {};
  } catch (error) {
    if (error instanceof UserError) return { refusal: error.message };
    throw error;
  }
}
