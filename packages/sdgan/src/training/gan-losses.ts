/** The terms of a step's losses: what the discriminators and the generator minimize, and what is logged beside it. */
import { cat, noGrad, scope, type Tensor, where } from "@sdgan/torch";
import { type BatchShare, wholeBatch } from "../distributed/batch-share.js";
import { type AdversarialLoss, discriminatorTerms, generatorTerms } from "../losses/adversarial.js";
import {
  type ContrastiveOptions,
  contrastiveLoss,
  type InfoNceOptions,
  infoNceLoss,
  pairDistances,
} from "../losses/contrastive.js";
import { gradientPenalty, type PenaltyOptions } from "../losses/penalty.js";
import { type LossTerm, under, weightedSum } from "../losses/terms.js";
import type { DiscriminatorNetwork } from "../models/discriminator.js";
import { atLeastFloat32 } from "../models/layers.js";
import { Augmentation, type AugmentationOptions } from "./augmentation.js";
import type { GanBatch } from "./gan-batch.js";
import { probabilities, type StepMetrics } from "./step-metrics.js";

export interface GanLossOptions {
  discriminators: DiscriminatorNetwork[];
  /** By default `bce`. */
  adversarialLoss?: AdversarialLoss;
  /** DAMSM's losses for the last stage's image [B, 3, S, S], and their weight λ. */
  damsm?: {
    weight: number;
    losses(image: Tensor, batch: GanBatch): { words: Tensor; sentence: Tensor };
    /** Pixels per side of the image that its encoder sees; by default S. */
    imageSize?: number;
  };
  contrastive: ContrastiveOptions &
    Partial<InfoNceOptions> & {
      /** By default the paper's, of pairs. */
      loss?: "pairs" | "infoNce";
      weight: number;
      /** Whether it is a part of L_G and, for generated images, of L_D. */
      generator: boolean;
      discriminator: boolean;
      /** Whether L_D has it for real images. */
      real?: boolean;
    };
  /** Random changes of the images that the discriminators see, in both phases; by default none. DAMSM sees clean images. */
  augmentation?: AugmentationOptions;
  /** A gradient penalty of the discriminators in every `every`-th step, with as many times its weight; by default none. */
  penalty?: PenaltyOptions & { weight: number; every: number };
  /** The part of the batch that this process has; by default all of it. */
  share?: BatchShare;
}

/** Terms that are minimized, and what else is logged. */
export interface Part extends StepMetrics {
  terms: LossTerm[];
}

export class GanLosses {
  readonly augmentation: Augmentation;
  readonly #options: GanLossOptions;
  readonly #share: BatchShare;

  constructor(options: GanLossOptions) {
    this.#options = options;
    this.#share = options.share ?? wholeBatch;
    this.augmentation = new Augmentation(
      options.augmentation ?? noAugmentation,
      options.discriminators.length,
    );
  }

  /**
   * A discriminator's loss.
   *
   * @param stage from 0
   * @param generated [B, 3, S, S]
   * @param step its number, from 1
   */
  discriminator(stage: number, batch: GanBatch, generated: Tensor, step: number): Part {
    const { discriminators, contrastive, adversarialLoss } = this.#options;
    const { real, text, same } = batch;
    const discriminator = discriminators[stage]!;
    // One pass over real and fake images, and one over all pairs of images and sentences. BN treats the parts that are
    // separate calls in the published code as separate batches, in the order of that code.
    const B = real[stage]!.size(0);
    const seen = this.augmentation.apply(stage, cat([real[stage]!, generated.detach()]), this.#share.draw);
    const features = discriminator.forward(seen, [B, B]);
    const [realFeatures, fakeFeatures] = features.chunk(2, 0) as [Tensor, Tensor];
    const { sentence } = text;
    const other = this.#wrongSentences(batch);
    const mismatched = other.sentences.size(0);
    // The other sentences are for the first real images again.
    const sentences = cat([sentence, sentence, other.sentences]);
    const conditional = discriminator.conditional(features, sentences, [B, B, mismatched]);
    const unconditional = discriminator.unconditional(features);
    const [onReal, onFake] = [0, B].map((from) => ({
      unconditional: unconditional.narrow(0, from, B),
      conditional: conditional.narrow(0, from, B),
    })) as [Logits, Logits];
    const wrong = conditional.narrow(0, 2 * B, mismatched);
    const terms = discriminatorTerms(onReal, onFake, wrong, adversarialLoss).map((term) =>
      term.name === "wrong" ? { ...term, value: other.ofWhole(term.value) } : term,
    );
    const adversarial = noGrad(() => weightedSum(terms));
    if (same && contrastive.weight > 0) {
      const { weight } = contrastive;
      const compare = (name: string, of: Tensor) =>
        terms.push({ name, value: this.#contrastive(of, batch), weight });
      if (contrastive.discriminator) compare("contrastive", fakeFeatures);
      if (contrastive.real) compare("contrastiveReal", realFeatures);
    }
    terms.push(...this.#penalty(discriminator, seen.narrow(0, 0, B), sentence, step));
    const name = `discriminator/stage${stage + 1}`;
    return {
      terms: under(name, terms),
      losses: { [`${name}/adversarial`]: adversarial },
      statistics: {
        ...probabilities(`probability/stage${stage + 1}`, {
          ...{ real: onReal.unconditional, realConditional: onReal.conditional },
          ...{ fake: onFake.unconditional, fakeConditional: onFake.conditional },
        }),
        [`probability/stage${stage + 1}/wrong`]: other.ofWhole(wrong.detach().sigmoid().mean()),
        ...this.augmentation.observe(stage, onReal.unconditional, this.#share),
      },
    };
  }

  /** What DAMSM adds to the generator's loss. */
  matching(image: Tensor, batch: GanBatch): Part {
    const { weight, losses } = this.#options.damsm!;
    const { words, sentence } = losses(image, batch);
    const terms = [
      { name: "damsm/words", value: words, weight },
      { name: "damsm/sentence", value: sentence, weight },
    ];
    return { terms, losses: {}, statistics: {} };
  }

  /** A stage's part of the generator's loss: adversarial and contrastive. */
  generator(stage: number, image: Tensor, batch: GanBatch): Part {
    const { contrastive, discriminators, adversarialLoss } = this.#options;
    const seen = this.augmentation.apply(stage, image, this.#share.draw);
    const { features, ...logits } = judge(discriminators[stage]!, seen, batch.text.sentence);
    const name = `stage${stage + 1}`;
    const terms = under(`generator/${name}`, generatorTerms(logits, adversarialLoss));
    if (!batch.same) return { terms, losses: {}, statistics: {} };
    if (contrastive.generator && contrastive.weight > 0) {
      const value = this.#contrastive(features, batch);
      terms.push({ name: `contrastive/${name}`, value, weight: contrastive.weight });
    }
    return { terms, losses: {}, statistics: this.#distances(`distance/${name}`, features, batch) };
  }

  /**
   * A wrong sentence for every real image of the batch but the last one: that of the next image, as in the published code,
   * or the own one changed. With several processes, only the last process has one sentence less than images, and `ofWhole` makes a
   * mean over the own sentences the process's part of the mean over all.
   */
  #wrongSentences({ text, changed, whole }: GanBatch): { sentences: Tensor; ofWhole(mean: Tensor): Tensor } {
    const { rank, processes, own } = this.#share;
    const all = (whole?.text ?? text).sentence; // [processes · B, D]
    const rows = all.size(0);
    const next = own(cat([all.narrow(0, 1, rows - 1), all.narrow(0, 0, 1)]));
    const wrong = changed ? where(changed.exists, changed.sentence, next) : next;
    const count = next.size(0) - (rank === processes - 1 ? 1 : 0);
    const part = (count * processes) / (rows - 1);
    return {
      sentences: wrong.narrow(0, 0, count),
      ofWhole: (mean) => (part === 1 ? mean : mean.mul(part)),
    };
  }

  /** The gradient penalty at real images as the discriminator sees them, in float32 or more; no term in other steps. */
  #penalty(discriminator: DiscriminatorNetwork, image: Tensor, sentence: Tensor, step: number): LossTerm[] {
    const { penalty } = this.#options;
    if (!penalty || penalty.weight === 0 || step % penalty.every !== 0) return [];
    const logitsOf = (given: Tensor, own: Tensor) => judge(discriminator, given, own);
    const value = gradientPenalty(logitsOf, atLeastFloat32(image), atLeastFloat32(sentence), penalty);
    return [{ name: "penalty", value, weight: penalty.weight * penalty.every }];
  }

  /** L_c for a discriminator's features [B, 8d, 4, 4] of both branches' images. */
  #contrastive(features: Tensor, batch: GanBatch): Tensor {
    const { contrastive } = this.#options;
    const [v1, v2] = branches(features);
    const { loss = "pairs", temperature = 0.1 } = contrastive;
    if (loss === "pairs") return contrastiveLoss(v1, v2, batch.same!, contrastive);
    const { same, classIds } = batch.whole ?? batch;
    const classes = classIds?.chunk(2, 0) as [Tensor, Tensor] | undefined;
    const { gather } = this.#share;
    return infoNceLoss(gather(v1), gather(v2), same!, classes, { temperature });
  }

  /** Mean distances of the pairs with y = 1 and of those with y = 0. */
  #distances(prefix: string, features: Tensor, batch: GanBatch): Record<string, Tensor> {
    return noGrad(() =>
      scope(() => {
        const d = this.#share.gather(
          pairDistances(...branches(features.detach()), this.#options.contrastive),
        );
        const same = (batch.whole ?? batch).same!;
        const different = same.neg().add(1);
        const meanOver = (y: Tensor) => d.mul(y).sum().div(y.sum());
        return { [`${prefix}/same`]: meanOver(same), [`${prefix}/different`]: meanOver(different) };
      }),
    );
  }
}

const noAugmentation: AugmentationOptions = { policy: [], padding: 0, probability: 1, target: 0, images: 1 };

/** A discriminator's features of images and its logits. */
function judge(
  discriminator: DiscriminatorNetwork,
  images: Tensor,
  sentences: Tensor,
): { features: Tensor } & Logits {
  const features = discriminator.forward(images);
  const conditional = discriminator.conditional(features, sentences);
  return { features, conditional, unconditional: discriminator.unconditional(features) };
}

type Logits = Parameters<typeof discriminatorTerms>[0];

/** Features [B, …] of both branches, as v1 and v2: [B/2, …] each. */
function branches(features: Tensor): [Tensor, Tensor] {
  return atLeastFloat32(features).chunk(2, 0) as [Tensor, Tensor];
}
