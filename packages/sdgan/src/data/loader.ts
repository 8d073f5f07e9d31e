import { type BatchOptions, type BatchPlan, type Choice, planBatch, randomAugmentation } from "./batch.js";
import type { Split } from "./dataset.js";
import { EpochOrder, type LoaderState } from "./epoch-order.js";
import type { Prepared } from "./prepared.js";

export interface LoaderOptions {
  data: Prepared;
  split: Split;
  /** Images per batch. Every batch is full: an epoch's remaining images are batched with the next epoch's. */
  batch: number;
  /** Maximum number of words per caption. */
  maxWords: number;
  /** Use a random window of each image instead of its centre. */
  crop: boolean;
  /** Mirror half of the images. */
  flip: boolean;
  seed: number;
}

/** Chooses training batches: every image once per epoch, in random order, with a random caption of it. */
export class Loader {
  readonly #order: EpochOrder;
  readonly #batch: number;
  readonly #options: BatchOptions;

  constructor({ data, split, batch, maxWords, crop, flip, seed }: LoaderOptions) {
    this.#order = new EpochOrder(data.splits[split].images.length, seed, "loader");
    this.#batch = batch;
    this.#options = {
      data,
      split,
      maxWords,
      augmentation: randomAugmentation(this.#order.random, { crop, flip }),
    };
  }

  plan(): { branches: [BatchPlan] } {
    const { data, split } = this.#options;
    const choices = Array.from({ length: this.#batch }, (): Choice => {
      const image = this.#order.next();
      return {
        image,
        caption: this.#order.random.below(data.splits[split].images.at(image).captions.length),
      };
    });
    return { branches: [planBatch(choices, this.#options)] };
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
}
