/** The program of an inference process: loads the models it is given, and computes one batch after another. */
import { pipeline, type TextToImage, UserError } from "@sdgan/pipeline";
import { resultOf } from "./image-result.js";
import type { Batch, BatchResult, Refusal, WorkerStart } from "./messages.js";

// The server decides when its processes end: a terminal or a service manager signals all of them together.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
process.on("disconnect", () => process.exit());

/** Words of a vocabulary that clients get. */
const MOST_WORDS = 5000;

try {
  const loaded: TextToImage[] = [];
  // One thread each: several batches at once give more images per second than one batch on several threads.
  for (const model of process.argv.slice(2))
    loaded.push(await pipeline("text-to-image", model, { threads: 1 }));
  process.on("message", async (batch: Batch) => {
    send({ id: batch.id, results: await compute(loaded[batch.model]!, batch) });
  });
  send({
    models: loaded.map(({ model, words }) => ({ manifest: model, words: words.slice(0, MOST_WORDS) })),
  });
} catch (error) {
  send({ refusal: refusalOf(error) });
}

function send(message: WorkerStart | BatchResult): void {
  // Fails only if the server has ended, and with it this process.
  process.send?.(message, undefined, undefined, () => {});
}

async function compute(model: TextToImage, batch: Batch): Promise<BatchResult["results"]> {
  const results: BatchResult["results"] = [];
  // A prompt that the model cannot read fails alone.
  const readable = batch.jobs.flatMap((job, i) => {
    try {
      for (const { prompt } of batch.between ? [batch.between.from, batch.between.to] : [job])
        model.read(prompt);
      return [{ ...job, i }];
    } catch (error) {
      results[i] = { refusal: refusalOf(error) };
      return [];
    }
  });
  const stages = batch.stages || batch.size !== model.model.sizes.images.at(-1);
  const { attention, modulation, between } = batch;
  const images =
    between && readable.length > 0
      ? await model.between(between.from, between.to, { at: readable.map(({ at = 0 }) => at), stages })
      : await model.batch(readable, { stages, attention, modulation });
  const encoded = await Promise.all(images.map((image) => resultOf(image, batch)));
  for (const [k, { i }] of readable.entries()) results[i] = encoded[k]!;
  return results;
}

/** Errors that are not a user's end the process. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof UserError) return { message: error.message, code: error.code };
  throw error;
}
