import { type Random, UserError } from "@sdgan/core";
import { type BatchOptions, type BatchPlan, type Choice, planBatch, randomAugmentation } from "./batch.js";
import { EpochOrder, type LoaderState } from "./epoch-order.js";
import type { LoaderOptions } from "./loader.js";

/** B pairs of captions with their images: one caption of each pair for each Siamese branch. */
export interface PairPlan {
  branches: [BatchPlan, BatchPlan];
  /** [B] y of the contrastive loss: 1 if both captions describe the same image, 0 if not. */
  same: Float32Array;
}

export interface PairLoaderOptions extends LoaderOptions {
  /** Share of a batch's pairs whose captions describe the same image. */
  shareSame?: number;
}

/**
 * Chooses the pairs to train Siamese branches on. The first branch gets every image once per epoch. The
 * second branch gets, at random positions of each batch, another caption of the same image (y = 1; the same
 * caption, if the image has only one) and at the other positions a random caption of a random other image,
 * possibly of the same class (y = 0). The branches are cropped and mirrored independently.
 */
export class PairLoader {
  readonly #order: EpochOrder;
  /** y of a batch's pairs before shuffling. Their number with y = 1 is the same in every batch. */
  readonly #same: number[];
  readonly #options: BatchOptions;

  constructor({ data, split, batch, maxWords, crop, flip, seed, shareSame = 0.5 }: PairLoaderOptions) {
    const images = data.splits[split].images.length;
    this.#order = new EpochOrder(images, seed, "pairs");
    this.#same = Array.from({ length: batch }, (_, b) => (b < Math.round(batch * shareSame) ? 1 : 0));
    this.#options = {
      data,
      split,
      maxWords,
      augmentation: randomAugmentation(this.#order.random, { crop, flip }),
    };
    if (images < 2 && this.#same.includes(0)) {
      throw new UserError(
        "The data has one training image, and pairs of different images need at least two. Prepare data with more.",
        { code: "data.invalid" },
      );
    }
  }

  plan(): PairPlan {
    const same = this.#order.random.shuffled(this.#same);
    const first = same.map(() => this.#anyCaption(this.#order.next()));
    const second = same.map((y, b) => (y === 1 ? this.#sameImage(first[b]!) : this.#otherImage(first[b]!)));
    return {
      branches: [planBatch(first, this.#options), planBatch(second, this.#options)],
      same: Float32Array.from(same),
    };
  }

  /** Epochs begun, minus one. */
  get epoch(): number {
    return this.#order.epoch;
  }

  state(): LoaderState {
    return this.#order.state();
  }

  restore(state: LoaderState): void {
    this.#order.restore(state);
  }

  /** Another caption of the same image. */
  #sameImage({ image, caption }: Choice): Choice {
    const count = this.#images.at(image).captions.length;
    return { image, caption: count > 1 ? anotherBelow(count, caption, this.#order.random) : caption };
  }

  /** A caption of another image. */
  #otherImage({ image }: Choice): Choice {
    return this.#anyCaption(anotherBelow(this.#images.length, image, this.#order.random));
  }

  #anyCaption(image: number): Choice {
    return { image, caption: this.#order.random.below(this.#images.at(image).captions.length) };
  }

  get #images() {
    const { data, split } = this.#options;
    return data.splits[split].images;
  }
}

/** A random number from 0 to `n` − 1 other than `excluded`, uniformly distributed. */
function anotherBelow(n: number, excluded: number, random: Random): number {
  const sampled = random.below(n - 1);
  return sampled < excluded ? sampled : sampled + 1;
}
