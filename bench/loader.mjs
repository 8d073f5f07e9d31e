/**
 * Which share of a GAN training step the training thread spends on waiting for its batch and making tensors of it, by
 * the number of threads that make pictures ready. Without DAMSM and the text encoder, whose time would only lower it.
 *
 *   npx sdgan prepare birds --species 20 --pictures 10 --out data/bench-64
 *   node bench/loader.mjs --data data/bench-64 [--config birds-64] [--steps 20] [--workers 0,1] [--set key=value …]
 */
import { parseArgs } from "node:util";
import { randn, scope, tensor, threads, withAllCores } from "@sdgan/torch";
import { imageSizes, loadConfig } from "../packages/sdgan/dist/config.js";
import { Feed } from "../packages/sdgan/dist/data/feed.js";
import { PairLoader } from "../packages/sdgan/dist/data/pairs.js";
import { openPrepared } from "../packages/sdgan/dist/data/prepared.js";
import { wordMask } from "../packages/sdgan/dist/models/text-encoder.js";
import { makeGanTrainer } from "../packages/sdgan/dist/training/gan-trainee.js";
import { computeDtype } from "../packages/sdgan/dist/training/precision.js";
import { classIdsOf, tensorOf, tokensOf } from "../packages/sdgan/dist/training/tensors.js";

const { values } = parseArgs({
  options: {
    data: { type: "string", default: "data/bench-64" },
    config: { type: "string", default: "birds-64" },
    steps: { type: "string", default: "20" },
    workers: { type: "string", default: "0,1" },
    set: { type: "string", multiple: true, default: [] },
  },
});
const config = loadConfig(values.config, ["training.damsmWeight=0", ...values.set]);
const dtype = computeDtype(config.training.precision);
const data = openPrepared(values.data);
const { batch } = config.training;
const [N, T, D] = [2 * batch, config.data.maxWords, config.text.width];
const trainer = makeGanTrainer(config);
const text = { words: randn([N, D, T]), sentence: randn([N, D]), mask: wordMask(new Array(N).fill(T), T) };

/** Milliseconds of each part of a step: waiting for the batch, making tensors of it, all of the step. */
async function timedStep(feed) {
  const begin = performance.now();
  const { branches, same, images } = await feed.next();
  const waited = performance.now();
  return scope(() => {
    const real = images.map((one) => tensorOf(one, { device: "cpu", dtype }));
    tokensOf(branches, "cpu");
    classIdsOf(branches, "cpu");
    const made = performance.now();
    trainer.step({ real, text, same: tensor(same) });
    const end = performance.now();
    return {
      wait: waited - begin,
      tensors: made - waited,
      step: end - begin,
      share: (made - begin) / (end - begin),
    };
  });
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

console.log(
  `${values.config}, ${batch} pairs of ${data.size} pixels, ${dtype}, ${threads()} threads; medians`,
);
for (const workers of values.workers.split(",").map(Number)) {
  const planner = new PairLoader({ data, split: "train", batch, seed: 0, ...config.data });
  const sizes = imageSizes(config.generator);
  const feed = withAllCores(() => new Feed({ planner, data, split: "train", sizes, workers }));
  const steps = [];
  for (let step = 0; step <= Number(values.steps); step++) {
    const times = await timedStep(feed);
    if (step > 0) steps.push(times); // The first one asks for memory.
    await new Promise(setImmediate); // As training does.
  }
  await feed[Symbol.asyncDispose]();
  const [wait, tensors, step, share] = ["wait", "tensors", "step", "share"].map((key) =>
    median(steps.map((times) => times[key])),
  );
  console.log(
    `${workers} workers: waits ${wait.toFixed(2)} ms, makes tensors in ${tensors.toFixed(2)} ms ` +
      `of a step of ${step.toFixed(0)} ms: ${(100 * share).toFixed(2)} %`,
  );
}
