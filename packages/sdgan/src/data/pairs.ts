import { type Random, UserError } from "@sdgan/core";
import { type BatchOptions, type BatchPlan, type Choice, planBatch, randomAugmentation } from "./batch.js";
import { EpochOrder, type LoaderState } from "./epoch-order.js";
import type { LoaderOptions } from "./loader.js";

/** B pairs of captions, one of each pair for each Siamese branch, with the images that they belong to. */
export interface PairPlan {
  branches: [BatchPlan, BatchPlan];
  /** [B] 1 where both captions are of one image, 0 where they are of two: the contrastive loss's y. */
  same: Float32Array;
}

export interface PairLoaderOptions extends LoaderOptions {
  /** Which share of a batch's pairs are captions of one image. */
  shareSame?: number;
}

/**
 * Decides the pairs to train Siamese branches on. The first branch sees every image once an epoch. The second has, at places
 * drawn for each batch, another caption of that same image (y = 1; the same caption, if it has only one),
 * elsewhere any caption of any other image (y = 0), be it of the same class. Branches are cropped and mirrored
 * by themselves.
 */
export class PairLoader {
  readonly #order: EpochOrder;
  /** y of a batch's pairs, before they are shuffled: the shares are exact in every batch. */
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
        "The data has one image, and pairs of different images need two: prepare it with more.",
        { code: "data.invalid" },
      );
    }
  }

  plan(): PairPlan {
    const same = this.#order.random.shuffled(this.#same);
    const first = same.map(() => this.#anyCaption(this.#order.next()));
    const second = same.map((y, b) => (y === 1 ? this.#sibling(first[b]!) : this.#stranger(first[b]!)));
    return {
      branches: [planBatch(first, this.#options), planBatch(second, this.#options)],
      same: Float32Array.from(same),
    };
  }

  /** Epochs that have begun, less one. */
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
  #sibling({ image, caption }: Choice): Choice {
    const count = this.#images.at(image).captions.length;
    return { image, caption: count > 1 ? anotherBelow(count, caption, this.#order.random) : caption };
  }

  /** A caption of another image. */
  #stranger({ image }: Choice): Choice {
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

/** A number from 0 to `n` − 1 that is not `taken`, each as likely. */
function anotherBelow(n: number, taken: number, random: Random): number {
  const drawn = random.below(n - 1);
  return drawn < taken ? drawn : drawn + 1;
}
