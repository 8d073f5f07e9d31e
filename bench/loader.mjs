/** Measures the share of a training step that is spent waiting for images. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageSizes } from "@sdgan/core";
import { randn, scope, tensor, withAllCores } from "@sdgan/torch";
import { computeDtype } from "../packages/sdgan/dist/compute/precision.js";
import { loadConfig } from "../packages/sdgan/dist/config/load.js";
import { birds } from "../packages/sdgan/dist/data/birds/index.js";
import { PairLoader } from "../packages/sdgan/dist/data/pairs.js";
import { Prefetcher } from "../packages/sdgan/dist/data/prefetcher.js";
import { prepare } from "../packages/sdgan/dist/data/prepare.js";
import { openPrepared } from "../packages/sdgan/dist/data/prepared.js";
import { classIdsOf, tensorOf, tokensOf } from "../packages/sdgan/dist/data/tensors.js";
import { wordMask } from "../packages/sdgan/dist/models/text-encoder.js";
import { makeGanTrainer } from "../packages/sdgan/dist/training/make-gan-trainer.js";

/**
 * For each of `steps` training steps, the per cent of its time that the training thread spends waiting for the batch and
 * turning it into tensors. The data are drawn birds. DAMSM and the text encoder are left out; they would only lower the
 * share.
 */
export async function loaderShares({ preset = "birds-64", workers = 1, steps = 20 }) {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-bench-"));
  try {
    const config = loadConfig(preset, ["training.damsmWeight=0", `data.workers=${workers}`]);
    const sizes = imageSizes(config.generator);
    const out = join(folder, "data");
    await prepare(birds({ species: 20, imagesPerSpecies: 10, size: sizes.at(-1) }), {
      out,
      size: sizes.at(-1),
    });
    return await sharesOf(config, openPrepared(out), steps);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function sharesOf(config, data, steps) {
  const { batch, precision } = config.training;
  const dtype = computeDtype(precision);
  const [N, T, D] = [2 * batch, config.data.maxWords, config.text.width];
  const trainer = makeGanTrainer(config);
  const text = { words: randn([N, D, T]), sentence: randn([N, D]), mask: wordMask(new Array(N).fill(T), T) };
  const planner = new PairLoader({ data, split: "train", batch, seed: 0, ...config.data });
  const sizes = imageSizes(config.generator);
  const { workers } = config.data;
  const prefetcher = withAllCores(() => new Prefetcher({ planner, data, split: "train", sizes, workers }));
  const shares = [];
  for (let step = 0; step <= steps; step++) {
    const begin = performance.now();
    const { branches, same, images } = await prefetcher.next();
    scope(() => {
      const real = images.map((one) => tensorOf(one, { device: "cpu", dtype }));
      tokensOf(branches, "cpu");
      classIdsOf(branches, "cpu");
      const made = performance.now();
      trainer.step({ real, text, same: tensor(same) });
      shares.push((100 * (made - begin)) / (performance.now() - begin));
    });
    await new Promise(setImmediate); // Training does the same.
  }
  await prefetcher[Symbol.asyncDispose]();
  return { percent: shares.slice(1), dtype, images: N }; // The first step allocates memory.
}
