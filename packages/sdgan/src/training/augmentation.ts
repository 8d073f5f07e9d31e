/**
 * The augmentation of a training, with a probability for each discriminator, which is fixed or adapts (ADA: Karras et al.,
 * "Training Generative Adversarial Networks with Limited Data", 2020, arXiv 2006.06676).
 */
import { full, keep, noGrad, scope, type Tensor, zeros } from "@sdgan/torch";
import { type BatchShare, wholeBatch } from "../distributed/batch-share.js";
import { type AugmentOptions, augment } from "./augment.js";

export interface AugmentationOptions extends AugmentOptions {
  /** The fixed probability of each change to each image. */
  probability: number;
  /** 0 for the fixed probability; otherwise r_t that an adaptive probability is to keep. */
  target: number;
  /** Real images over which an adaptive probability can rise from 0 to 1. */
  images: number;
}

/** The state of one discriminator's probability: plain numbers, for JSON. */
export interface AugmentationState {
  probability: number;
  /** Sum of the signs of D(real) since the last adjustment, and the number of these images and steps. */
  signs: number;
  images: number;
  steps: number;
}

/**
 * Each stage's discriminator sees augmented images, with random numbers of its own: the discriminators are separate
 * networks, none of which compares an image's sizes.
 *
 * An adaptive probability p starts at 0. Every 4 steps it is moved by a fixed amount: up if r_t = E[sign(D(real))] is above
 * the target, which indicates that the discriminator has memorized real images, otherwise down. D(real) are the
 * unconditional head's logits. Each stage has its own p, since each discriminator overfits by itself.
 */
export class Augmentation {
  readonly #options: AugmentationOptions;
  readonly #stages: Adaptive[];

  constructor(options: AugmentationOptions, stages: number) {
    this.#options = options;
    this.#stages = this.isAdaptive
      ? Array.from({ length: stages }, () => ({ probability: 0, signs: undefined, images: 0, steps: 0 }))
      : [];
  }

  get isAdaptive(): boolean {
    const { policy, target } = this.#options;
    return policy.length > 0 && target > 0;
  }

  /** The probability for the discriminator of a stage, counted from 0. */
  probability(stage: number): number {
    return this.isAdaptive ? this.#stages[stage]!.probability : this.#options.probability;
  }

  /** images [B, 3, S, S] as the discriminator of a stage sees them. */
  apply(stage: number, images: Tensor, draw: BatchShare["draw"] = wholeBatch.draw): Tensor {
    return augment(images, this.#options, this.probability(stage), draw);
  }

  /**
   * Adapts a stage's probability after a step in which its discriminator gave real images these logits [B]. Returns what
   * is logged: the probability that the step had, and the mean sign of its logits.
   *
   * @param share the part of the step's batch that the logits are of
   */
  observe(stage: number, onReal: Tensor, share: BatchShare = wholeBatch): Record<string, Tensor> {
    if (!this.isAdaptive) return {};
    const own = this.#stages[stage]!;
    const { device } = onReal;
    return noGrad(() =>
      scope(() => {
        const signs = onReal.detach().sign();
        const prefix = `augment/stage${stage + 1}`;
        const logged = {
          [`${prefix}/probability`]: full([], own.probability, { device }),
          [`${prefix}/sign`]: signs.mean(),
        };
        own.signs ??= keep(zeros([], { device }));
        own.signs.add_(share.sum(signs.sum())); // On the device, which the CPU does not wait for.
        own.images += signs.numel * share.processes;
        own.steps += 1;
        if (own.steps === stepsBetween) this.#adjust(own, own.signs);
        return logged;
      }),
    );
  }

  #adjust(own: Adaptive, sum: Tensor): void {
    const { target, images } = this.#options;
    const signs = sum.item() / own.images;
    const moved = own.probability + (Math.sign(signs - target) * own.images) / images;
    own.probability = Math.min(1, Math.max(0, moved));
    sum.mul_(0);
    own.images = 0;
    own.steps = 0;
  }

  /** The state for a checkpoint; undefined if there is none. */
  state(): AugmentationState[] | undefined {
    if (!this.isAdaptive) return undefined;
    return this.#stages.map(({ signs, ...rest }) => ({ ...rest, signs: signs?.item() ?? 0 }));
  }

  /** Restores what `state` returned. Imported weights have none: the probabilities begin at 0 then. */
  restore(state: readonly AugmentationState[] | undefined, device: string): void {
    for (const [i, own] of this.#stages.entries()) {
      const { signs, ...rest } = state?.[i] ?? { probability: 0, signs: 0, images: 0, steps: 0 };
      own.signs?.dispose();
      Object.assign(own, rest, { signs: keep(full([], signs, { device })) });
    }
  }
}

/** An adaptive probability, with its sum of signs on the device of the discriminator. */
type Adaptive = Omit<AugmentationState, "signs"> & { signs: Tensor | undefined };

/** Steps between two adjustments, as in the paper. */
const stepsBetween = 4;
