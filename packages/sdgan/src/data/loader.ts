import { type BatchOptions, type BatchPlan, type Choice, planBatch, randomAugmentation } from "./batch.js";
import type { Split } from "./dataset.js";
import { EpochOrder, type LoaderState } from "./epoch-order.js";
import type { Prepared } from "./prepared.js";

export interface LoaderOptions {
  data: Prepared;
  split: Split;
  /** Images in a batch. Every batch is full: what an epoch leaves over begins a batch with the next epoch. */
  batch: number;
  /** Words at most in a caption. */
  maxWords: number;
  /** Take a random window of each image, rather than its middle. */
  crop: boolean;
  /** Mirror half of the images. */
  flip: boolean;
  seed: number;
}

/** Decides the batches to train on: every image once an epoch, in random order, with one of its captions, drawn each time. */
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
}
