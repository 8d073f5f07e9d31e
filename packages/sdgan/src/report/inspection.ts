/** Compares generated images, by the attribute classifier, with real images and with their captions. */
import { fromBytes, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import {
  attributeClassifierSize,
  type TrainedAttributeClassifier,
} from "../artifacts/attribute-classifier.js";
import { fit } from "../compute/images.js";
import { type Choice, makeBatch } from "../data/batch.js";
import type { Prepared } from "../data/prepared.js";
import type { StageImage } from "../generation/image-source.js";
import { mean } from "../util/lists.js";

/** Indices of real images in the training split with their distances, nearest first. */
export type Nearest = { image: number; distance: number }[];

/**
 * The `count` images of the training split whose features are nearest to those of each of `images`, by
 * Euclidean distance. Searches the whole split, in batches.
 *
 * @param size in pixels that all images are resized to first, so that they do not differ in sharpness
 */
export function nearestReal(
  { network }: TrainedAttributeClassifier,
  data: Prepared,
  images: readonly StageImage[],
  { count, size }: { count: number; size: number },
): Nearest[] {
  const nearest: Nearest[] = images.map(() => []);
  inferenceMode(() =>
    scope(() => {
      const queries = network.extract(resized(images, size)).features; // [Q, F]
      const total = data.splits.train.images.length;
      for (let first = 0; first < total; first += batchSize) {
        const places = Array.from({ length: Math.min(batchSize, total - first) }, (_, i) => first + i);
        const distances = scope(() => {
          const real = places.map((place) => realImage(data, "train", place));
          const { features } = network.extract(resized(real, size));
          return queries.unsqueeze(1).sub(features.unsqueeze(0)).square().sum(2).sqrt().toNumbers(); // [Q, B]
        });
        for (const [query, own] of nearest.entries()) {
          for (const [i, image] of places.entries())
            own.push({ image, distance: distances[query * places.length + i]! });
          own.sort((a, b) => a.distance - b.distance).splice(count);
        }
      }
    }),
  );
  return nearest;
}

/** An attribute that a caption names, and another value that the attribute classifier predicts. */
export interface Difference {
  attribute: string;
  expected: string;
  predicted: string;
}

export interface Disagreement {
  /** Index of the image. */
  index: number;
  /**
   * Mean of −log p over the values that the caption names, with p of the attribute classifier; 0 if p = 1 for
   * all.
   */
  surprise: number;
  differences: Difference[];
}

/**
 * How much predictions of the attribute classifier differ from what captions name, largest first. Captions
 * that name no attribute are skipped.
 */
export function disagreements(
  { network, attributes }: TrainedAttributeClassifier,
  data: Prepared,
  images: readonly StageImage[],
  choices: readonly Choice[],
): Disagreement[] {
  const names = Object.keys(attributes);
  const found: Disagreement[] = [];
  for (let first = 0; first < images.length; first += batchSize) {
    const logProbabilities = inferenceMode(() =>
      scope(() =>
        network
          .forward(resized(images.slice(first, first + batchSize)))
          .map((logits) => logits.logSoftmax(1).toNumbers()),
      ),
    );
    for (const [b, { image, caption }] of choices.slice(first, first + batchSize).entries()) {
      const { attributes: truth = {}, captions } = data.splits.test.images.at(image);
      const named = (captions[caption]!.names ?? []).map((attribute) => {
        const values = attributes[attribute]!;
        const at = names.indexOf(attribute);
        const own = logProbabilities[at]!.slice(b * values.length, (b + 1) * values.length);
        const expected = truth[attribute]!;
        const predicted = own.indexOf(Math.max(...own));
        return {
          ...{ attribute, expected: values[expected]!, predicted: values[predicted]! },
          surprise: -own[expected]!,
        };
      });
      if (named.length === 0) continue;
      found.push({
        index: first + b,
        surprise: mean(named.map(({ surprise }) => surprise)),
        differences: named
          .filter(({ expected, predicted }) => expected !== predicted)
          .map(({ attribute, expected, predicted }) => ({ attribute, expected, predicted })),
      });
    }
  }
  return found.sort((a, b) => b.surprise - a.surprise);
}

/** A real image, cropped at the centre. */
export function realImage(data: Prepared, split: "train" | "test", image: number): StageImage {
  const options = { data, split, maxWords: Number.POSITIVE_INFINITY };
  const { pixels, size } = makeBatch([{ image, caption: 0 }], options);
  return { pixels, size };
}

/** Images per batch. */
const batchSize = 64;

/** [N, 3, 64, 64] in −1 … 1, the input of the attribute classifier; resized to `common` pixels before. */
function resized(images: readonly StageImage[], common = images[0]!.size): Tensor {
  const { size } = images[0]!;
  const bytes = new Uint8Array(images.length * size * size * 3);
  for (const [i, { pixels }] of images.entries()) bytes.set(pixels, i * size * size * 3);
  const tensor = fromBytes(bytes, [images.length, size, size, 3], "uint8").permute(0, 3, 1, 2);
  return fit(fit(tensor.to("float32").div(127.5).sub(1), common), attributeClassifierSize);
}
