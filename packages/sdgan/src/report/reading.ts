/** What a reader makes of drawn pictures: which real ones are like them, and where it sees other than was asked for. */
import { fromBytes, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { type Choice, makeBatch } from "../data/batch.js";
import type { Prepared } from "../data/prepared.js";
import { fit } from "../evaluation/fit.js";
import type { TrainedReader } from "../evaluation/networks/reader.js";
import type { StagePicture } from "../generation/painter.js";
import { readerSize } from "../training/reader-trainee.js";

/** Places of real pictures in the training split, the nearest first. */
export type Nearest = { picture: number; distance: number }[];

/**
 * The `count` pictures of the training split whose features are nearest to those of each of `pictures`, by Euclidean
 * distance. All of the split is looked at, in batches.
 *
 * @param size that all are brought to first: small pictures and sharp ones would differ in that alone
 */
export function nearestReal(
  { network }: TrainedReader,
  data: Prepared,
  pictures: readonly StagePicture[],
  { count, size }: { count: number; size: number },
): Nearest[] {
  const nearest: Nearest[] = pictures.map(() => []);
  inferenceMode(() =>
    scope(() => {
      const asked = network.look(shrunk(pictures, size)).features; // [Q, F]
      const total = data.splits.train.pictures.length;
      for (let first = 0; first < total; first += batchSize) {
        const places = Array.from({ length: Math.min(batchSize, total - first) }, (_, i) => first + i);
        const distances = scope(() => {
          const real = places.map((place) => realPicture(data, "train", place));
          const { features } = network.look(shrunk(real, size));
          return asked.unsqueeze(1).sub(features.unsqueeze(0)).square().sum(2).sqrt().toNumbers(); // [Q, B]
        });
        for (const [query, own] of nearest.entries()) {
          for (const [i, picture] of places.entries())
            own.push({ picture, distance: distances[query * places.length + i]! });
          own.sort((a, b) => a.distance - b.distance).splice(count);
        }
      }
    }),
  );
  return nearest;
}

/** An attribute that a caption names, and what the reader sees in its place. */
export interface Difference {
  attribute: string;
  asked: string;
  seen: string;
}

export interface Disagreement {
  /** Which of the pictures. */
  index: number;
  /** Mean of −log p over the values that the caption names, p the reader's: 0 where it is sure of all. */
  surprise: number;
  differences: Difference[];
}

/** How much the reader differs from what captions name, the most first. Captions that name nothing are left out. */
export function disagreements(
  { network, attributes }: TrainedReader,
  data: Prepared,
  pictures: readonly StagePicture[],
  choices: readonly Choice[],
): Disagreement[] {
  const names = Object.keys(attributes);
  const found: Disagreement[] = [];
  for (let first = 0; first < pictures.length; first += batchSize) {
    const logProbabilities = inferenceMode(() =>
      scope(() =>
        network
          .forward(shrunk(pictures.slice(first, first + batchSize)))
          .map((logits) => logits.logSoftmax(1).toNumbers()),
      ),
    );
    for (const [b, { picture, caption }] of choices.slice(first, first + batchSize).entries()) {
      const { attributes: truth = {}, captions } = data.splits.test.pictures.at(picture);
      const named = (captions[caption]!.names ?? []).map((attribute) => {
        const values = attributes[attribute]!;
        const at = names.indexOf(attribute);
        const own = logProbabilities[at]!.slice(b * values.length, (b + 1) * values.length);
        const asked = truth[attribute]!;
        const seen = own.indexOf(Math.max(...own));
        return { attribute, asked: values[asked]!, seen: values[seen]!, surprise: -own[asked]! };
      });
      if (named.length === 0) continue;
      found.push({
        index: first + b,
        surprise: named.reduce((sum, { surprise }) => sum + surprise, 0) / named.length,
        differences: named
          .filter(({ asked, seen }) => asked !== seen)
          .map(({ attribute, asked, seen }) => ({ attribute, asked, seen })),
      });
    }
  }
  return found.sort((a, b) => b.surprise - a.surprise);
}

/** A picture of the data, its middle. */
export function realPicture(data: Prepared, split: "train" | "test", picture: number): StagePicture {
  const options = { data, split, maxWords: Number.POSITIVE_INFINITY };
  const { pixels, size } = makeBatch([{ picture, caption: 0 }], options);
  return { pixels, size };
}

/** Pictures that are looked at together. */
const batchSize = 64;

/** [N, 3, 64, 64] in −1 … 1: as the reader takes them, brought to `common` pixels a side before. */
function shrunk(pictures: readonly StagePicture[], common = pictures[0]!.size): Tensor {
  const { size } = pictures[0]!;
  const bytes = new Uint8Array(pictures.length * size * size * 3);
  for (const [i, { pixels }] of pictures.entries()) bytes.set(pixels, i * size * size * 3);
  const images = fromBytes(bytes, [pictures.length, size, size, 3], "uint8").permute(0, 3, 1, 2);
  return fit(fit(images.to("float32").div(127.5).sub(1), common), readerSize);
}
