/** The images that show how the GAN's training goes: the same captions and noise all the time. */
import { type Config, Random } from "@sdgan/core";
import { noGrad, scope, type Tensor } from "@sdgan/torch";
import type { Compute } from "../compute/compute.js";
import { pixelsOf } from "../compute/images.js";
import { type BatchPlan, type Choice, planBatch } from "../data/batch.js";
import type { Split } from "../data/dataset.js";
import { type Prepared, sampleSplit } from "../data/prepared.js";
import { grid } from "../images/grid.js";
import type { Generator } from "../models/generator.js";
import { seededNoise } from "../models/seeded-noise.js";
import type { TextFeatures } from "../models/text-features.js";
import { partsOf } from "../util/lists.js";

/** The captions and the noise of all samples. */
export interface Samples {
  split: Split;
  choices: Choice[];
  /** [samples, Z] */
  z: Tensor;
  /** [samples, C], in float32 */
  epsilon: Tensor;
}

/** Chosen by the seed. The captions are of images that are not trained on, if there are any. */
export function chooseSamples(
  { seed }: Config,
  data: Prepared,
  { average, compute }: { average: Generator; compute: Compute },
): Samples {
  const split = sampleSplit(data);
  const { images } = data.splits[split];
  const random = new Random(seed, "samples");
  const places = random.shuffled([...new Array(images.length).keys()]).slice(0, sampleCount);
  const noise = seededNoise(
    average,
    places.map((_, i) => ({ seed, number: i + 1 })),
  );
  return {
    split,
    choices: places.map((image) => ({
      image,
      caption: random.below(images.at(image).captions.length),
    })),
    z: noise.z.to(compute),
    epsilon: noise.epsilon.to({ device: compute.device }),
  };
}

/** A sheet of the averaged generator's images with their captions, as a PNG. */
export function sampleGrid(
  { split, choices, z, epsilon }: Samples,
  {
    data,
    maxWords,
    average,
    encode,
    title,
    onMissingFont,
  }: {
    data: Prepared;
    maxWords: number;
    average: Generator;
    encode(batches: readonly BatchPlan[]): TextFeatures;
    title: string;
    onMissingFont: ((advice: string) => void) | undefined;
  },
): Promise<Buffer> {
  const batch = planBatch(choices, { data, split, maxWords });
  const { pixels, size } = scope(() =>
    noGrad(() => {
      const image = average.forward(z, encode([batch]), epsilon).images.at(-1)!;
      return { pixels: pixelsOf(image), size: image.size(3) };
    }),
  );
  const images = choices.map(({ image, caption }, b) => ({
    pixels: pixels.subarray(b * size * size * 3, (b + 1) * size * size * 3),
    size,
    caption: data.splits[split].images.at(image).captions[caption]!.text,
  }));
  return grid(partsOf(images, 8), { title, onMissingFont });
}

const sampleCount = 32;
