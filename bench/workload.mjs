/** What is measured: a training step of a configuration, on random data of its shapes. */
import { randn, scope, tensor } from "@sdgan/torch";
import { imageSizes, loadConfig } from "../packages/sdgan/dist/config.js";
import { wordMask } from "../packages/sdgan/dist/models/text-encoder.js";
import { makeGanTrainer } from "../packages/sdgan/dist/training/gan-trainee.js";
import { computeDtype } from "../packages/sdgan/dist/training/precision.js";

/** AttnGAN without DAMSM. */
export const BASELINE = ["generator.scbn=none", "siamese.enabled=false", "training.damsmWeight=0"];

/** SD-GAN without DAMSM. */
export const SDGAN = ["training.damsmWeight=0"];

/**
 * @param {{ preset?: string, settings?: string[], batch?: number }} options settings as `--set` takes them; of Siamese
 *   branches each has `batch` pictures
 */
export function trainingStep({ preset = "cub", settings = [], batch } = {}) {
  const config = loadConfig(preset, settings);
  const dtype = computeDtype(config.training.precision);
  const pairs = batch ?? config.training.batch;
  const B = pairs * (config.siamese.enabled ? 2 : 1);
  const [T, D] = [config.data.maxWords, config.text.width];
  const trainer = makeGanTrainer(config);
  const real = imageSizes(config.generator).map((size) =>
    randn([B, size, size, 3]).permute(0, 3, 1, 2).to(dtype),
  );
  const text = { words: randn([B, D, T]), sentence: randn([B, D]), mask: wordMask(new Array(B).fill(T), T) };
  const same = config.siamese.enabled && tensor(Array.from({ length: pairs }, (_, i) => i % 2));
  return {
    dtype,
    pictures: B,
    trainer,
    step: () => scope(() => trainer.step({ real, text, ...(same && { same }) })),
  };
}
