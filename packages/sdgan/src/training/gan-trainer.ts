/**
 * A training step of the GAN: every discriminator once, then the generator, then its average. Each of these phases is a
 * list of named, weighted loss terms → gradients → a hook → the optimizer. The terms of the list are logged.
 */
import { cat, grad, gradOrNull, noGrad, optim, randn, scope, type Tensor, where } from "@sdgan/torch";
import { type BatchShare, wholeBatch } from "../distributed/batch-share.js";
import { type AdversarialLoss, discriminatorTerms, generatorTerms } from "../losses/adversarial.js";
import {
  type ContrastiveOptions,
  contrastiveLoss,
  type InfoNceOptions,
  infoNceLoss,
  pairDistances,
} from "../losses/contrastive.js";
import { klLoss } from "../losses/kl.js";
import { gradientPenalty, type PenaltyOptions } from "../losses/penalty.js";
import { type LossTerm, under, valuesOf, weightedSum } from "../losses/terms.js";
import type { DiscriminatorNetwork } from "../models/discriminator.js";
import type { Generated, Generator } from "../models/generator.js";
import { atLeastFloat32 } from "../models/layers.js";
import type { TextFeatures } from "../models/text-features.js";
import { Augmentation, type AugmentationOptions } from "./augmentation.js";
import { MovingAverage } from "./average.js";
import { gradientNorms, probabilities, type StepMetrics } from "./step-metrics.js";

/** The batch of a step. With Siamese branches, B/2 pairs: first the first branch's captions, then the second's. */
export interface GanBatch {
  /** Real images at every stage's size, small to large: [B, 3, S, S] in −1 … 1. Their dtype is the step's. */
  real: Tensor[];
  text: TextFeatures;
  /** y: [B/2], 1 where both captions are of one image. Absent without Siamese branches. */
  same?: Tensor;
  /** [B], int64: the classes of the images. InfoNCE does not count images of one class as different. */
  classIds?: Tensor;
  /** Wrong sentences for some of the images, in place of another image's. */
  changed?: ChangedSentences;
  /**
   * With several processes, of which this batch is one's share: captions, pairs and classes of all of them, in the order of
   * a single process's batch, for the losses that compare members of a batch. Absent if this is the whole batch.
   */
  whole?: Pick<GanBatch, "text" | "same" | "classIds">;
}

/** Sentences of captions that were changed so that they do not describe their images. */
export interface ChangedSentences {
  /** [B, D]; any where there is none. */
  sentence: Tensor;
  /** [B, 1], true where there is one. */
  exists: Tensor;
}

/** The random numbers of a step, for tests that provide their own. */
export interface GanNoise {
  /** z: [B, noise] */
  noise: Tensor;
  /** ε of conditioning augmentation: [B, condition] */
  epsilon: Tensor;
}

export interface GanTrainerOptions {
  generator: Generator;
  /** A second generator, which receives the moving average of the first one's weights. */
  average: Generator;
  discriminators: DiscriminatorNetwork[];
  learningRate: { generator: number; discriminator: number };
  /** The factor of both learning rates in the step after `steps` steps; by default 1. */
  learningRateFactor?: (steps: number) => number;
  betas: readonly [number, number];
  /** By default `bce`. */
  adversarialLoss?: AdversarialLoss;
  /** Decay of the average. */
  averageDecay: number;
  klWeight: number;
  /** DAMSM's losses for the last stage's image [B, 3, S, S], and their weight λ. */
  damsm?: { weight: number; losses(image: Tensor, batch: GanBatch): { words: Tensor; sentence: Tensor } };
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
  /** Whether both branches of a pair get the same z, so that their images differ only by the captions. */
  sharedNoise: boolean;
  /** Steps between two measurements of the loss terms' gradients for the images; 0, the default, for none. */
  gradientsEvery?: number;
  /** Random changes of the images that the discriminators see, in both phases; by default none. DAMSM sees clean images. */
  augmentation?: AugmentationOptions;
  /** A gradient penalty of the discriminators in every `every`-th step, with as many times its weight; by default none. */
  penalty?: PenaltyOptions & { weight: number; every: number };
  /** The number of stages that train in the step after `steps` steps; by default all. */
  stagesAfter?: (steps: number) => number;
  /** How many of `steps` steps the average counts, whose decay is smaller in the first ones; by default all. */
  averagedSteps?: (steps: number) => number;
  /**
   * Called in each phase between gradients and optimizer, with the phase's name ("generator", "discriminator/stage1").
   * The optimizer uses the returned gradients. Parameters of stages that do not train yet have none.
   */
  onGradients?: Gradients;
  /** The part of the batch that this process has; by default all of it. */
  share?: BatchShare;
  /**
   * Starts to average the gradients of a phase over processes, and returns a function that waits for them. Before it is
   * called, the gradients of further phases are computed.
   */
  reduce?: (phase: string, gradients: readonly (Tensor | null)[]) => () => (Tensor | null)[];
}

type Gradients = (phase: string, gradients: (Tensor | null)[]) => (Tensor | null)[];

export class GanTrainer {
  readonly options: GanTrainerOptions;
  readonly generatorOptimizer: optim.Adam;
  readonly discriminatorOptimizers: optim.Adam[];
  readonly augmentation: Augmentation;
  readonly #average: MovingAverage;
  readonly #share: BatchShare;
  /** Steps of optimizers whose gradients are still being averaged over processes, in order. */
  #pending: (() => void)[] = [];

  constructor(options: GanTrainerOptions) {
    const { generator, average, discriminators, learningRate, betas } = options;
    this.options = options;
    this.#share = options.share ?? wholeBatch;
    average.loadStateDict(generator.stateDict());
    average.requiresGrad(false).eval();
    this.#average = new MovingAverage(average, generator);
    const adam = (network: Generator | DiscriminatorNetwork, rate: number) =>
      new optim.Adam(network.namedParameters(), { learningRate: rate, betas });
    this.generatorOptimizer = adam(generator, learningRate.generator);
    this.discriminatorOptimizers = discriminators.map((network) => adam(network, learningRate.discriminator));
    this.augmentation = new Augmentation(options.augmentation ?? noAugmentation, discriminators.length);
  }

  get steps(): number {
    return this.generatorOptimizer.steps;
  }

  step(batch: GanBatch, given?: GanNoise): StepMetrics {
    const { generator, averageDecay, averagedSteps, discriminators } = this.options;
    this.grow();
    this.#setLearningRates();
    return scope(() => {
      const { noise, epsilon } = given ?? this.#sampleNoise(batch);
      const generated = generator.forward(noise.to(batch.real[0]!.dtype), batch.text, epsilon);
      const phases = [
        ...discriminators
          .slice(0, generator.activeStages)
          .map((_, stage) => this.#trainDiscriminator(stage, batch, generated)),
        this.#trainGenerator(batch, generated),
      ];
      this.#average.update(averageDecay, averagedSteps?.(this.steps) ?? this.steps);
      return {
        losses: Object.assign({}, ...phases.map(({ losses }) => losses)),
        statistics: Object.assign({}, ...phases.map(({ statistics }) => statistics)),
      };
    });
  }

  /** Adds the stages that train from the next step on. Called by `step`, and after a checkpoint was restored. */
  grow(): void {
    const { generator, average, stagesAfter } = this.options;
    if (stagesAfter) generator.activeStages = average.activeStages = stagesAfter(this.steps);
  }

  #setLearningRates(): void {
    const { learningRate, learningRateFactor } = this.options;
    if (!learningRateFactor) return;
    const factor = learningRateFactor(this.steps);
    this.generatorOptimizer.learningRate = learningRate.generator * factor;
    for (const optimizer of this.discriminatorOptimizers)
      optimizer.learningRate = learningRate.discriminator * factor;
  }

  #sampleNoise({ text, same }: GanBatch): GanNoise {
    const { generator, sharedNoise } = this.options;
    const [B, device] = [text.sentence.size(0), text.sentence.device];
    const sample = (count: number, width: number) =>
      this.#share.draw(count, (rows) => randn([rows, width], { device }));
    const noise =
      same && sharedNoise ? sample(B / 2, generator.noise).repeat(2, 1) : sample(B, generator.noise);
    return { noise, epsilon: sample(B, generator.conditioning.condition) };
  }

  #trainDiscriminator(stage: number, batch: GanBatch, { images }: Generated): StepMetrics {
    const { discriminators, contrastive } = this.options;
    const { real, text, same } = batch;
    const discriminator = discriminators[stage]!;
    const optimizer = this.discriminatorOptimizers[stage]!;
    return scope(() => {
      requireGrad(optimizer, true);
      // One pass over real and fake images, and one over all pairs of images and sentences. BN treats the parts that are
      // separate calls in the published code as separate batches, in the order of that code.
      const B = real[stage]!.size(0);
      const seen = this.augmentation.apply(
        stage,
        cat([real[stage]!, images[stage]!.detach()]),
        this.#share.draw,
      );
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
      const terms = discriminatorTerms(onReal, onFake, wrong, this.options.adversarialLoss).map((term) =>
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
      terms.push(...this.#penalty(discriminator, seen.narrow(0, 0, B), sentence));
      const phase = `discriminator/stage${stage + 1}`;
      return {
        losses: {
          ...this.#minimize(phase, under(phase, terms), optimizer),
          [`${phase}/adversarial`]: adversarial,
        },
        statistics: {
          ...probabilities(`probability/stage${stage + 1}`, {
            ...{ real: onReal.unconditional, realConditional: onReal.conditional },
            ...{ fake: onFake.unconditional, fakeConditional: onFake.conditional },
          }),
          [`probability/stage${stage + 1}/wrong`]: other.ofWhole(wrong.detach().sigmoid().mean()),
          ...this.augmentation.observe(stage, onReal.unconditional, this.#share),
        },
      };
    });
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
  #penalty(discriminator: DiscriminatorNetwork, image: Tensor, sentence: Tensor): LossTerm[] {
    const { penalty } = this.options;
    if (!penalty || penalty.weight === 0 || (this.steps + 1) % penalty.every !== 0) return [];
    const logitsOf = (given: Tensor, own: Tensor) => judge(discriminator, given, own);
    const value = gradientPenalty(logitsOf, atLeastFloat32(image), atLeastFloat32(sentence), penalty);
    return [{ name: "penalty", value, weight: penalty.weight * penalty.every }];
  }

  #trainGenerator(batch: GanBatch, { images, mean, logVariance }: Generated): StepMetrics {
    const { generator, contrastive, klWeight, damsm, adversarialLoss } = this.options;
    const discriminators = this.options.discriminators.slice(0, generator.activeStages);
    const { text, same } = batch;
    const adversarial: LossTerm[] = [];
    const pairs: LossTerm[] = [];
    let statistics: Record<string, Tensor> = {};
    const damsmLosses = () => damsm?.losses(images.at(-1)!, batch);
    // DAMSM does not need the discriminators, whose gradients may still be on their way.
    const early = this.#pending.length > 0 ? damsmLosses() : undefined;
    this.#finish();
    for (const [i, discriminator] of discriminators.entries()) {
      const stage = `stage${i + 1}`;
      requireGrad(this.discriminatorOptimizers[i]!, false); // The gradients of its weights are not needed here.
      const seen = this.augmentation.apply(i, images[i]!, this.#share.draw);
      const { features, ...logits } = judge(discriminator, seen, text.sentence);
      adversarial.push(...under(`generator/${stage}`, generatorTerms(logits, adversarialLoss)));
      if (!same) continue;
      statistics = { ...statistics, ...this.#distances(`distance/${stage}`, features, batch) };
      if (contrastive.generator && contrastive.weight > 0)
        pairs.push({
          name: `contrastive/${stage}`,
          value: this.#contrastive(features, batch),
          weight: contrastive.weight,
        });
    }
    const terms: LossTerm[] = [
      ...adversarial,
      { name: "kl", value: klLoss(mean, logVariance), weight: klWeight },
    ];
    const matching = early ?? damsmLosses();
    if (damsm && matching) {
      const { words, sentence } = matching;
      terms.push(
        { name: "damsm/words", value: words, weight: damsm.weight },
        { name: "damsm/sentence", value: sentence, weight: damsm.weight },
      );
    }
    terms.push(...pairs);
    const { gradientsEvery = 0 } = this.options;
    if (gradientsEvery > 0 && (this.steps + 1) % gradientsEvery === 0)
      statistics = { ...statistics, ...gradientNorms(terms, images, this.#share) };
    const losses = this.#minimize("generator", terms, this.generatorOptimizer);
    this.#finish();
    return { losses, statistics };
  }

  /**
   * One phase: terms → weighted sum → gradients → hook → optimizer, which steps in `#finish` if the gradients are averaged
   * over processes. Returns the losses to log.
   */
  #minimize(phase: string, terms: readonly LossTerm[], optimizer: optim.Adam): Record<string, Tensor> {
    const loss = weightedSum(terms);
    // Every parameter must have a gradient, except those of stages that do not train yet.
    const derive = this.options.stagesAfter ? gradOrNull : grad;
    const gradients = derive([loss], [...optimizer.parameters.values()]);
    const { onGradients, reduce } = this.options;
    const step = (own: (Tensor | null)[]) => optimizer.step(onGradients?.(phase, own) ?? own);
    if (reduce) {
      const reduced = reduce(phase, gradients);
      this.#pending.push(() => step(reduced()));
    } else step(gradients);
    return { ...valuesOf(terms), [`${phase}/sum`]: loss.detach() };
  }

  /** Takes the steps that wait for averaged gradients. */
  #finish(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const step of pending) step();
  }

  /** L_c for a discriminator's features [B, 8d, 4, 4] of both branches' images. */
  #contrastive(features: Tensor, batch: GanBatch): Tensor {
    const { contrastive } = this.options;
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
        const d = this.#share.gather(pairDistances(...branches(features.detach()), this.options.contrastive));
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

/** Whether gradients of an optimizer's parameters are recorded. */
function requireGrad({ parameters }: optim.Adam, value: boolean): void {
  for (const parameter of parameters.values()) parameter.requiresGrad = value;
}

type Logits = Parameters<typeof discriminatorTerms>[0];

/** Features [B, …] of both branches, as v1 and v2: [B/2, …] each. */
function branches(features: Tensor): [Tensor, Tensor] {
  return atLeastFloat32(features).chunk(2, 0) as [Tensor, Tensor];
}
