import { type Random, UserError } from "@sdgan/core";
import { type BatchOptions, type BatchPlan, type Choice, planBatch, randomAugmentation } from "./batch.js";
import type { Split } from "./dataset.js";
import { EpochOrder, type LoaderState } from "./epoch-order.js";
import { inOtherLanguages, languageOf } from "./languages.js";
import type { LoaderOptions } from "./loader.js";
import type { Prepared } from "./prepared.js";

/** B pairs of captions with their images: one caption of each pair for each Siamese branch. */
export interface PairPlan {
  branches: [BatchPlan, BatchPlan];
  /** [B] y of the contrastive loss: 1 if both captions describe the same image, 0 if not. */
  same: Float32Array;
}

export interface PairLoaderOptions extends LoaderOptions {
  /** Share of a batch's pairs whose captions describe the same image. */
  shareSame?: number;
  /** Whether the two captions of one image are in two languages, where the image has them. */
  acrossLanguages?: boolean;
}

/**
 * Chooses the pairs to train Siamese branches on. The first branch gets every image once per epoch. The
 * second branch gets, at random positions of each batch, another caption of the same image (y = 1; the same
 * caption, if the image has only one) and at the other positions a random caption of a random other image,
 * possibly of the same class (y = 0). With `acrossLanguages`, the other caption of the same image is in another
 * language, if the image has one. The branches are cropped and mirrored independently.
 *
 * Throws a `UserError` for data with too few images, and with `acrossLanguages` for data where no image has captions in
 * two languages.
 */
export class PairLoader {
  readonly #order: EpochOrder;
  /** y of a batch's pairs before shuffling. Their number with y = 1 is the same in every batch. */
  readonly #same: number[];
  readonly #options: BatchOptions;
  readonly #acrossLanguages: boolean;

  constructor(options: PairLoaderOptions) {
    const {
      data,
      split,
      batch,
      maxWords,
      crop,
      flip,
      seed,
      shareSame = 0.5,
      acrossLanguages = false,
    } = options;
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
    this.#acrossLanguages = acrossLanguages;
    if (acrossLanguages) requireLanguages(data, split);
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
    const { captions } = this.#images.at(image);
    const { random } = this.#order;
    const translations = this.#acrossLanguages ? inOtherLanguages(captions, caption) : [];
    if (translations.length > 0) return { image, caption: random.pick(translations) };
    return { image, caption: captions.length > 1 ? anotherBelow(captions.length, caption, random) : caption };
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

function requireLanguages({ dir, splits }: Prepared, split: Split): void {
  const { images } = splits[split];
  const languages = new Set<string>();
  for (let index = 0; index < images.length; index++) {
    const { captions } = images.at(index);
    if (captions.some((_, caption) => inOtherLanguages(captions, caption).length > 0)) return;
    for (const caption of captions) languages.add(languageOf(caption) ?? "");
  }
  languages.delete("");
  const found =
    languages.size === 0
      ? "no caption has a language"
      : `no training image has captions in two of its languages (${[...languages].sort().join(", ")})`;
  throw new UserError(
    `${dir}: ${found}, and siamese.acrossLanguages=true pairs captions of one image in two languages. Prepare data with ` +
      'them, such as "sdgan prepare emoji --languages en,de", or leave the option out',
    { code: "data.invalid" },
  );
}

/** A random number from 0 to `n` − 1 other than `excluded`, uniformly distributed. */
function anotherBelow(n: number, excluded: number, random: Random): number {
  const sampled = random.below(n - 1);
  return sampled < excluded ? sampled : sampled + 1;
}
