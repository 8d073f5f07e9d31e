/** The workloads to measure, on random data with the real shapes. The timing is in `measure.mjs`. */

import { imageSizes } from "@sdgan/core";
import {
  functional,
  grad,
  inferenceMode,
  optim,
  randint,
  randn,
  scope,
  synchronize,
  tensor,
} from "@sdgan/torch";
import { makeDamsm, moveDamsm } from "../packages/sdgan/dist/artifacts/damsm.js";
import { makeGenerator } from "../packages/sdgan/dist/artifacts/model.js";
import { startComputing } from "../packages/sdgan/dist/compute/compute.js";
import { computeDtype } from "../packages/sdgan/dist/compute/precision.js";
import { loadConfig } from "../packages/sdgan/dist/config/load.js";
import { wordsLoss } from "../packages/sdgan/dist/losses/damsm.js";
import { wordMask } from "../packages/sdgan/dist/models/text-encoder.js";
import { damsmLosses as allDamsmLosses } from "../packages/sdgan/dist/training/damsm-task.js";
import { makeGanTrainer } from "../packages/sdgan/dist/training/make-gan-trainer.js";
import { BASELINE } from "./operations.mjs";

/**
 * Training steps without DAMSM.
 *
 * @param {{
 *   preset?: string, baseline?: boolean, batch?: number, precision?: string, settings?: string[],
 *   device?: "cpu" | "cuda", steps?: number,
 * }} options settings as for `--set`; each Siamese branch has `batch` images; each run takes `steps` steps
 */
export function trainingStep({
  preset = "cub",
  baseline = false,
  batch,
  precision = "auto",
  settings = [],
  device = "cpu",
  steps = 1,
}) {
  const config = loadConfig(preset, [
    ...(baseline ? BASELINE : []),
    "training.damsmWeight=0",
    `training.precision=${precision}`,
    ...settings,
  ]);
  const { dtype } = startComputing(config.training.precision, device);
  const pairs = batch ?? config.training.batch;
  const B = pairs * (config.siamese.enabled ? 2 : 1);
  const trainer = makeGanTrainer(config, { device });
  const real = imageSizes(config.generator).map((size) =>
    randn([B, size, size, 3], { device }).permute(0, 3, 1, 2).to(dtype),
  );
  const text = randomText(B, config, device);
  const same =
    config.siamese.enabled &&
    tensor(
      Array.from({ length: pairs }, (_, i) => i % 2),
      { device },
    );
  const parameters = [trainer.options.generator, ...trainer.options.discriminators].map((network) =>
    network.parameters().reduce((sum, { numel }) => sum + numel, 0),
  );
  const run = () => {
    for (let i = 0; i < steps; i++) scope(() => trainer.step({ real, text, ...(same && { same }) }));
    synchronize();
  };
  return { ...{ dtype, parameters, config, run }, images: B * steps };
}

/** Generation of one batch with AttnGAN's generator. */
export function generation({ preset = "cub", batch = 8, precision = "auto" }) {
  const config = loadConfig(preset, [...BASELINE, `training.precision=${precision}`]);
  const dtype = computeDtype(config.training.precision);
  const generator = makeGenerator(config).requiresGrad(false).eval().to({ memoryFormat: "channels_last" });
  const noise = randn([batch, config.generator.noise]).to(dtype);
  const text = randomText(batch, config);
  return {
    dtype,
    images: batch,
    run: () => inferenceMode(() => scope(() => void generator.forward(noise, text))),
  };
}

/** A training step of DAMSM: both encoders, all four losses, Adam. */
export function damsmStep({ preset = "birds-64", batch = 48 }) {
  const config = loadConfig(preset, ["damsm.encoder=convolutional"]);
  const { damsm, data } = config;
  const words = 200;
  const networks = moveDamsm(makeDamsm(config, words), "cpu");
  const lengths = new Array(batch).fill(data.maxWords);
  const tokens = randint(0, words, [batch, data.maxWords]);
  const images = randn([batch, 3, damsm.imageSize, damsm.imageSize]);
  const classIds = tensor(lengths.map((_, i) => i));
  const { text, image } = networks;
  const optimizer = new optim.Adam(
    [...text.namedParameters("text."), ...image.namedParameters("image.")],
    damsm,
  );
  const run = () =>
    scope(() => {
      const features = text.forward(tokens, lengths);
      const losses = allDamsmLosses(networks, images, features, classIds, damsm);
      const gradients = grad([losses.words.add(losses.sentence)], [...optimizer.parameters.values()]);
      optim.clipGradNorm(gradients.slice(0, text.parameters().length), damsm.clip);
      optimizer.step(gradients);
    });
  return { dtype: "float32", images: batch, run };
}

/** DAMSM's word loss in both directions, forward and backward. */
export function damsmLosses({ batch = 48, words = 18, side = 17, width = 256 }) {
  const regions = randn([batch, width, side, side], { requiresGrad: true });
  const features = randn([batch, width, words], { requiresGrad: true });
  const mask = wordMask(new Array(batch).fill(words), words);
  const run = () =>
    scope(() => {
      const { imageToText, textToImage } = wordsLoss(regions, features, mask, [4, 5, 10]);
      grad([imageToText.add(textToImage)], [regions, features]);
    });
  return { dtype: "float32", images: batch, run };
}

/** 3×3 convolutions in bfloat16, channels-last, with the model's sizes: an upper bound for this machine. */
export function convolutions() {
  const shapes = [
    [8, 64, 64, 64],
    [10, 64, 64, 128],
    [10, 64, 128, 128],
    [10, 256, 256, 16],
    [10, 512, 512, 8],
  ];
  return shapes.map(([B, from, to, side]) => {
    const lay = (shape) => randn(shape).to({ dtype: "bfloat16", memoryFormat: "channels_last" });
    const [images, weights] = [lay([B, from, side, side]), lay([to, from, 3, 3])];
    return {
      operations: 2 * B * side ** 2 * from * to * 9,
      run: () => inferenceMode(() => scope(() => void functional.conv2d(images, weights, { padding: 1 }))),
    };
  });
}

/** The product of two square matrices in bfloat16: an upper bound for a GPU. */
export function matrices({ device = "cpu", side = 8192, steps = 10 }) {
  const [a, b] = [0, 1].map(() => randn([side, side], { device }).to("bfloat16"));
  const run = () => {
    for (let i = 0; i < steps; i++) inferenceMode(() => scope(() => void a.matmul(b)));
    synchronize();
  };
  return { dtype: "bfloat16", operations: 2 * side ** 3 * steps, run };
}

function randomText(B, { data: { maxWords }, text: { width } }, device = "cpu") {
  return {
    words: randn([B, width, maxWords], { device }),
    sentence: randn([B, width], { device }),
    mask: wordMask(new Array(B).fill(maxWords), maxWords).to({ device }),
  };
}
