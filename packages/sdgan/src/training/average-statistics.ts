/**
 * BN statistics of the averaged generator. Averaged weights give other activations than the weights they are averages of,
 * so running means and variances that were averaged with them do not fit exactly. Here they are computed from batches, as
 * in stochastic weight averaging (Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization",
 * 2018, arXiv 1803.05407, §3.2).
 */
import { type Config, Random } from "@sdgan/core";
import { nn, noGrad, randn, scope } from "@sdgan/torch";
import type { Compute } from "../compute/compute.js";
import { type BatchPlan, planBatch } from "../data/batch.js";
import type { Prepared } from "../data/prepared.js";
import type { Generator } from "../models/generator.js";
import type { TextFeatures } from "../models/text-features.js";

/**
 * Sets the running means and variances of all BN layers of a network to the means over `batches` batches. Layers that
 * `forward` does not reach forget theirs.
 *
 * @param forward passes a batch, counted from 0, through the network
 */
export function recomputeStatistics(
  network: nn.Module,
  batches: number,
  forward: (batch: number) => void,
): void {
  const layers = [...network.modules()].filter((module) => module instanceof nn.BatchNorm);
  const before = layers.map(({ momentum, training }) => ({ momentum, training }));
  for (const layer of layers) {
    layer.resetRunningStats();
    Object.assign(layer, { momentum: null, training: true });
  }
  try {
    for (let batch = 0; batch < batches; batch++) noGrad(() => scope(() => forward(batch)));
  } finally {
    for (const [i, layer] of layers.entries()) Object.assign(layer, before[i]!);
  }
}

/** Passes captions with noise of the default random stream through the generator. */
export function forwardRandomly(generator: Generator, text: TextFeatures, { device, dtype }: Compute): void {
  const B = text.sentence.size(0);
  const noise = randn([B, generator.noise], { device }).to(dtype);
  generator.forward(noise, text, randn([B, generator.conditioning.condition], { device }));
}

/** `training.averageStatistics` batches of training captions, chosen by the seed, of as many captions as a step has. */
export function statisticsBatches(
  { seed, training, siamese, data }: Config,
  prepared: Prepared,
): BatchPlan[] {
  const { images } = prepared.splits.train;
  const random = new Random(seed, "averageStatistics");
  const B = training.batch * (siamese.enabled ? 2 : 1);
  const choose = () => {
    const image = random.below(images.length);
    return { image, caption: random.below(images.at(image).captions.length) };
  };
  return Array.from({ length: training.averageStatistics }, () =>
    planBatch(Array.from({ length: B }, choose), { data: prepared, split: "train", maxWords: data.maxWords }),
  );
}
