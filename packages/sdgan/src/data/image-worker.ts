/** The program of a thread that makes images ready: see `image-workers.ts`. */

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

/** What the user can mend is told of; anything else ends the thread, and is told of by that. */
function attempt(work: () => void): Pick<Answer, "refusal"> {
  try {
    work();
    return {};
  } catch (error) {
    if (error instanceof UserError) return { refusal: error.message };
    throw error;
  }
}
