/**
 * Training from end to end, as `sdgan train gan` runs it: loader, frozen DAMSM, Siamese pairs, losses and their log, Adam,
 * averaged generator. Only samples, checkpoints and evaluations are left out. And a few steps of it in a file, for
 * `bench/rival` to repeat.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageSizes } from "@sdgan/core";
import { manualSeed, noGrad, randn, saveSafetensors, scope, stack, tensor, threads } from "@sdgan/torch";
import { damsmPath, loadDamsm, moveDamsm } from "../packages/sdgan/dist/artifacts/damsm.js";
import { joinStates } from "../packages/sdgan/dist/artifacts/tensor-file.js";
import { computeDtype } from "../packages/sdgan/dist/compute/precision.js";
import { loadConfig } from "../packages/sdgan/dist/config/load.js";
import { PairLoader } from "../packages/sdgan/dist/data/pairs.js";
import { Prefetcher } from "../packages/sdgan/dist/data/prefetcher.js";
import { openPrepared } from "../packages/sdgan/dist/data/prepared.js";
import { classIdsOf, tensorOf, tokensOf } from "../packages/sdgan/dist/data/tensors.js";
import {
  attnganDiscriminatorName,
  attnganState,
  publishedGeneratorName,
} from "../packages/sdgan/dist/models/attngan-names.js";
import { damsmLosses } from "../packages/sdgan/dist/training/damsm-task.js";
import { GanTrainer } from "../packages/sdgan/dist/training/gan-trainer.js";
import { makeGanTrainer } from "../packages/sdgan/dist/training/make-gan-trainer.js";
import { train } from "../packages/sdgan/dist/training/train.js";

/** Steps before the measurement. The rival takes as many. */
const WARM_UP = 5;

/** What the rival does not have. */
const WITHOUT = ["training.grow=[]", "training.changedWords=0", "augment.policy=[]"];

/** Nothing but training: 1e9 steps are never reached. */
const BARE = [...WITHOUT, "evaluate.every=0", "log.sampleEvery=1000000000", "log.checkpointEvery=1000000000"];

/**
 * For the check: a small batch, weights other than 1, and bounds of the contrastive loss amid the distances of untrained
 * networks, 0.75 … 0.9, so that both of its cases occur for both kinds of pairs.
 */
const CHECKED = [
  ...WITHOUT,
  ...["training.precision=float32", "training.batch=6", "training.klWeight=0.7"],
  ...["contrastive.weight=0.9", "contrastive.alpha=0.8", "contrastive.epsilon=0.85"],
];

/**
 * Seconds of each of `times` runs of `log.every` steps, after five steps, and seconds from the start of the process to the
 * end of the first step.
 *
 * @param {{ preset: string, folder: string, settings?: string[] }} options folder from `makeTrainingFolder`
 * @param {number} times
 */
export async function training({ preset, folder, settings = [] }, times) {
  const config = loadConfig(preset, [...BARE, ...settings]);
  const { every } = config.log;
  const begun = Number(process.env.BENCH_BEGAN ?? performance.timeOrigin);
  const run = mkdtempSync(join(tmpdir(), "sdgan-bench-"));
  const seconds = [];
  let [start, begin, peakMiB] = [0, 0, 0];
  try {
    await train("gan", {
      ...{ data: join(folder, "data"), damsm: join(folder, "run"), run, config },
      steps: WARM_UP + every * times,
      device: "cpu",
      onStep(step) {
        if (step === 1) start = (Date.now() - begun) / 1000;
        if (step < WARM_UP || (step - WARM_UP) % every !== 0) return;
        const now = performance.now();
        if (step > WARM_UP) seconds.push((now - begin) / 1000);
        begin = now;
        peakMiB = process.resourceUsage().maxRSS / 1024;
      },
    });
  } finally {
    rmSync(run, { recursive: true });
  }
  const images = 2 * config.training.batch * every;
  const dtype = computeDtype(config.training.precision);
  return { seconds, images, startSeconds: [start], peakMiB, dtype, threads: threads() };
}

/**
 * Takes some steps and writes initial weights, batches, noise and the logged values to a safetensors file.
 *
 * @param {{ preset: string, folder: string, file: string, dtype: "float32" | "float64", steps: number }} options
 */
export async function writeSteps({ preset, folder, file, dtype, steps }) {
  const config = loadConfig(preset, CHECKED);
  const data = openPrepared(join(folder, "data"));
  manualSeed(config.seed);
  const damsm = moveDamsm(loadDamsm(damsmPath(join(folder, "run")), config, data.vocabulary.size), "cpu");
  const { options } = makeGanTrainer(config, {
    damsm: {
      weight: config.training.damsmWeight,
      losses: (image, batch) => damsmLosses(damsm, image, batch.text, batch.classIds, config.damsm),
    },
  });
  const { generator, average, discriminators } = options;
  modulate(generator);
  for (const network of [...Object.values(damsm), generator, average, ...discriminators])
    network.to({ dtype });
  const trainer = new GanTrainer(options); // Its average starts as the generator, and Adam's moments have the dtype.
  const sizes = imageSizes(config.generator);
  const written = joinStates({
    damsm: joinStates({ text: damsm.text.stateDict(), image: damsm.image.stateDict() }),
    generator: attnganState(generator.stateDict(), rivalName),
    ...Object.fromEntries(
      discriminators.map((network, i) => [
        `discriminator${i}`,
        attnganState(network.stateDict(), (name) => attnganDiscriminatorName(name, sizes[i])),
      ]),
    ),
  });
  // The steps change the weights in place.
  for (const [name, value] of written) written.set(name, value.detach().clone());

  const planner = new PairLoader({
    data,
    split: "train",
    ...config.training,
    seed: config.seed,
    ...config.data,
  });
  const prefetcher = new Prefetcher({ planner, data, split: "train", sizes, workers: 0 });
  const history = [];
  for (let i = 0; i < steps; i++) {
    const { branches, same, images } = await prefetcher.next();
    const { tokens, lengths } = tokensOf(branches, "cpu");
    const batch = {
      real: images.map((one) => tensorOf(one, { device: "cpu", dtype })),
      text: noGrad(() => damsm.text.forward(tokens, lengths)),
      classIds: classIdsOf(branches, "cpu"),
      same: tensor(same).to(dtype),
    };
    const { noise: width, condition } = config.generator;
    const noise = randn([same.length, width], { dtype }).repeat(2, 1);
    const epsilon = randn([2 * same.length, condition], { dtype });
    const { losses, statistics } = trainer.step(batch, { noise, epsilon });
    history.push({ ...numbers({ ...losses, ...statistics }), average: norm(average) });
    const windows = branches.flatMap(({ images, windows }) =>
      windows.flatMap(({ top, left, flip }, b) => [images[b], top, left, Number(flip)]),
    );
    const int64 = (values, shape = [values.length]) => tensor([...values], { dtype: "int64", shape });
    const given = {
      ...{ tokens, lengths: int64(lengths), windows: int64(windows, [lengths.length, 4]) },
      ...{ class_ids: batch.classIds, same: batch.same, z: noise, epsilon },
      ...Object.fromEntries(batch.real.map((one, stage) => [`real${stage}`, one.contiguous()])),
    };
    for (const [name, value] of Object.entries(given)) written.set(`step${i}.${name}`, value);
  }
  data.close();
  saveSafetensors(file, written, { config: JSON.stringify(config), history: JSON.stringify(history) });
  return { steps, values: Object.keys(history[0]).length };
}

/** SCBN starts with γ_c = β_c = 0, where an error in it could not be seen: other values, of the size that it learns. */
function modulate(generator) {
  noGrad(() => {
    for (const [name, weights] of generator.namedParameters())
      if (/\.norm\.(sentence|word)\.(gamma|beta)\./.test(name)) weights.add_(randn(weights.shape).mul(0.02));
  });
}

/** AttnGAN's name; SCBN's layers are below the normalization that they modulate. */
function rivalName(name) {
  const [, norm, rest] = /^(.*\.norm\.)((?:sentence|word)\..*)$/.exec(name) ?? [];
  return norm
    ? publishedGeneratorName(`${norm}weight`).replace(/weight$/, rest)
    : publishedGeneratorName(name);
}

function numbers(tensors) {
  const values = stack(Object.values(tensors).map((value) => value.to("float64"))).toNumbers();
  return Object.fromEntries(Object.keys(tensors).map((name, i) => [name, values[i]]));
}

/** ‖state‖, of all parameters and statistics. */
function norm(network) {
  return scope(() => {
    const floats = [...network.stateDict().values()].filter(({ dtype }) => dtype !== "int64");
    return stack(floats.map((value) => value.to("float64").norm()))
      .norm()
      .item();
  });
}
