import { UserError } from "../errors.js";
import type { Random } from "../random.js";
import { type BatchOptions, type BatchPlan, type Choice, planBatch, randomly } from "./batch.js";
import type { LoaderOptions } from "./loader.js";
import { type LoaderState, Order } from "./order.js";

/** B pairs of captions, one of each pair for each Siamese branch, with the pictures that they belong to. */
export interface PairPlan {
  branches: [BatchPlan, BatchPlan];
  /** [B] 1 where both captions are of one picture, 0 where they are of two: the contrastive loss's y. */
  same: Float32Array;
}

export interface PairLoaderOptions extends LoaderOptions {
  /** Which share of a batch's pairs are captions of one picture. */
  shareSame?: number;
}

/**
 * Decides the pairs to train Siamese branches on. The first branch sees every picture once an epoch. The second has, at places
 * drawn for each batch, another caption of that same picture (y = 1; the same caption, if it has only one),
 * elsewhere any caption of any other picture (y = 0), be it of the same class. Branches are cropped and mirrored
 * by themselves.
 */
export class PairLoader {
  readonly #order: Order;
  /** y of a batch's pairs, before they are shuffled: the shares are exact in every batch. */
  readonly #same: number[];
  readonly #options: BatchOptions;

  constructor({ data, split, batch, maxWords, crop, flip, seed, shareSame = 0.5 }: PairLoaderOptions) {
    const pictures = data.splits[split].pictures.length;
    this.#order = new Order(pictures, seed, "pairs");
    this.#same = Array.from({ length: batch }, (_, b) => (b < Math.round(batch * shareSame) ? 1 : 0));
    this.#options = { data, split, maxWords, look: randomly(this.#order.random, { crop, flip }) };
    if (pictures < 2 && this.#same.includes(0)) {
      throw new UserError(
        "The data has one picture, and pairs of different pictures need two: prepare it with more.",
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

  /** Another caption of the same picture. */
  #sibling({ picture, caption }: Choice): Choice {
    const count = this.#pictures.at(picture).captions.length;
    return { picture, caption: count > 1 ? anotherBelow(count, caption, this.#order.random) : caption };
  }

  /** A caption of another picture. */
  #stranger({ picture }: Choice): Choice {
    return this.#anyCaption(anotherBelow(this.#pictures.length, picture, this.#order.random));
  }

  #anyCaption(picture: number): Choice {
    return { picture, caption: this.#order.random.below(this.#pictures.at(picture).captions.length) };
  }

  get #pictures() {
    const { data, split } = this.#options;
    return data.splits[split].pictures;
  }
}

/** A number from 0 to `n` − 1 that is not `taken`, each as likely. */
function anotherBelow(n: number, taken: number, random: Random): number {
  const drawn = random.below(n - 1);
  return drawn < taken ? drawn : drawn + 1;
}
