/**
 * A training step of the GAN: every discriminator once, then the generator, then its average. Each of these phases is a
 * list of named, weighted loss terms → gradients → a hook → the optimizer. The terms of the list are logged.
 */
import { grad, gradEach, gradOrNull, noGrad, optim, randn, scope, type Tensor, threads } from "@sdgan/torch";
import { type BatchShare, wholeBatch } from "../distributed/batch-share.js";
import { klLoss } from "../losses/kl.js";
import { valuesOf, weightedSum } from "../losses/terms.js";
import type { DiscriminatorNetwork } from "../models/discriminator.js";
import type { Generated, Generator } from "../models/generator.js";
import type { Augmentation } from "./augmentation.js";
import { MovingAverage } from "./average.js";
import type { GanBatch, GanNoise } from "./gan-batch.js";
import { GanLosses, type GanLossOptions, type Part } from "./gan-losses.js";
import { gradientNorms, type StepMetrics } from "./step-metrics.js";

export interface GanTrainerOptions extends GanLossOptions {
  generator: Generator;
  /** A second generator, which receives the moving average of the first one's weights. */
  average: Generator;
  learningRate: { generator: number; discriminator: number };
  /** The factor of both learning rates in the step after `steps` steps; by default 1. */
  learningRateFactor?: (steps: number) => number;
  betas: readonly [number, number];
  /** Decay of the average. */
  averageDecay: number;
  klWeight: number;
  /** Whether both branches of a pair get the same z, so that their images differ only by the captions. */
  sharedNoise: boolean;
  /** Steps between two measurements of the loss terms' gradients for the images; 0, the default, for none. */
  gradientsEvery?: number;
  /** The number of stages that train in the step after `steps` steps; by default all. */
  stagesAfter?: (steps: number) => number;
  /** How many of `steps` steps the average counts, whose decay is smaller in the first ones; by default all. */
  averagedSteps?: (steps: number) => number;
  /**
   * Called in each phase between gradients and optimizer, with the phase's name ("generator", "discriminator/stage1").
   * The optimizer uses the returned gradients. Parameters of stages that do not train yet have none.
   */
  onGradients?: Gradients;
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
  readonly #losses: GanLosses;
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
    this.#losses = new GanLosses(options);
  }

  get augmentation(): Augmentation {
    return this.#losses.augmentation;
  }

  get steps(): number {
    return this.generatorOptimizer.steps;
  }

  step(batch: GanBatch, given?: GanNoise): StepMetrics {
    const { generator, averageDecay, averagedSteps } = this.options;
    this.grow();
    this.#setLearningRates();
    return scope(() => {
      const { noise, epsilon } = given ?? this.#sampleNoise(batch);
      const generated = generator.forward(noise.to(batch.real[0]!.dtype), batch.text, epsilon);
      const phases = [...this.#trainDiscriminators(batch, generated), this.#trainGenerator(batch, generated)];
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

  #trainDiscriminators(batch: GanBatch, { images }: Generated): StepMetrics[] {
    const largestFirst = images.map((_, stage) => stage).toReversed();
    const metrics = this.#together(largestFirst, batch).flatMap((stages) =>
      scope(() => {
        const parts = stages.map((stage) => () => {
          const { parameters } = this.discriminatorOptimizers[stage]!;
          requireGrad(parameters, true);
          const part = this.#losses.discriminator(stage, batch, images[stage]!, this.steps + 1);
          return { ...part, inputs: [...parameters.values()] };
        });
        return differentiate(parts).map(({ losses, statistics, sum, gradients }, i) => {
          const phase = `discriminator/stage${stages[i]! + 1}`;
          this.#update(phase, this.discriminatorOptimizers[stages[i]!]!, gradients);
          return { losses: { ...losses, [`${phase}/sum`]: sum }, statistics };
        });
      }),
    );
    return metrics.toReversed();
  }

  /**
   * First the gradients of the discriminators' and DAMSM's terms for the images, where their graphs end, then those of all
   * terms for the generator's parameters.
   */
  #trainGenerator(batch: GanBatch, { images, mean, logVariance }: Generated): StepMetrics {
    const { klWeight, damsm, stagesAfter } = this.options;
    const leaves = images.map(leafOf);
    const last = leaves.length - 1;
    const adversarial = leaves.map((image, stage) => ({
      stage,
      make: () => {
        this.#finish();
        // The gradients of its weights are not needed here.
        requireGrad(this.discriminatorOptimizers[stage]!.parameters, false);
        return this.#losses.generator(stage, image, batch);
      },
    }));
    // DAMSM first: it does not need the discriminators, whose gradients may still be averaged over processes.
    const matching = damsm ? [{ stage: last, make: () => this.#losses.matching(leaves[last]!, batch) }] : [];
    const parts = this.#together([...matching, ...adversarial.toReversed()], batch).flatMap((some) =>
      scope(() => {
        const made = some.map(({ stage, make }) => {
          const inputs = [leaves[stage]!];
          return () => this.#measured({ ...make(), inputs });
        });
        return differentiate(made).map((part, i) => ({ ...part, stage: some[i]!.stage }));
      }),
    );
    const gradientOf = (stage: number) =>
      parts
        .filter((part) => part.stage === stage)
        .map(({ gradients }) => gradients[0]!)
        .reduce((sum, one) => sum.add(one));
    const kl = { name: "kl", value: klLoss(mean, logVariance), weight: klWeight };
    const klSum = weightedSum([kl]);
    // Every parameter must have a gradient, except those of stages that do not train yet.
    const gradients = (stagesAfter ? gradOrNull : grad)(
      [klSum, ...images],
      [...this.generatorOptimizer.parameters.values()],
      { gradOutputs: [null, ...images.map((_, stage) => gradientOf(stage))] },
    );
    this.#update("generator", this.generatorOptimizer, gradients);
    this.#finish();
    const firstStageFirst = parts.toReversed();
    const sum = noGrad(() => parts.reduce((total, part) => total.add(part.sum), klSum));
    return {
      losses: Object.assign({}, ...firstStageFirst.map(({ losses }) => losses), {
        ...valuesOf([kl]),
        "generator/sum": sum,
      }),
      statistics: Object.assign({}, ...firstStageFirst.map(({ statistics }) => statistics)),
    };
  }

  /**
   * Groups of items whose losses are computed side by side. All, where images are so small that an operator gains little
   * from a second thread; this was measured with two threads. Otherwise each alone, which needs less memory; also with
   * several processes, which must all compute the losses' sums over processes in the same order.
   */
  #together<Item>(items: Item[], { real }: GanBatch): Item[][] {
    const image = real.at(-1)!;
    const pixels = Math.max(image.size(-1), this.options.damsm?.imageSize ?? 0);
    const small = pixels <= 64 && image.device === "cpu";
    return small && threads() === 2 && this.#share.processes === 1 ? [items] : items.map((item) => [item]);
  }

  /** A part of the generator's loss, in some steps with the norms of its terms' gradients. */
  #measured(part: PartAndInputs): PartAndInputs {
    const { gradientsEvery = 0 } = this.options;
    if (gradientsEvery === 0 || (this.steps + 1) % gradientsEvery !== 0) return part;
    const norms = gradientNorms(part.terms, part.inputs, this.#share);
    return { ...part, statistics: { ...part.statistics, ...norms } };
  }

  /** Hook and optimizer, which steps in `#finish` if the gradients are averaged over processes. */
  #update(phase: string, optimizer: optim.Adam, gradients: (Tensor | null)[]): void {
    const { onGradients, reduce } = this.options;
    const step = (own: (Tensor | null)[]) => optimizer.step(onGradients?.(phase, own) ?? own);
    if (reduce) {
      const reduced = reduce(phase, gradients);
      this.#pending.push(() => step(reduced()));
    } else step(gradients);
  }

  /** Takes the steps that wait for averaged gradients. */
  #finish(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const step of pending) step();
  }
}

/** The same values, as the start of a graph of its own. */
function leafOf(values: Tensor): Tensor {
  const leaf = values.detach();
  leaf.requiresGrad = true;
  return leaf;
}

interface PartAndInputs extends Part {
  inputs: readonly Tensor[];
}

/** A part's losses with its terms, their weighted sum, and the sum's gradients for the inputs. */
interface DifferentiatedPart extends StepMetrics {
  sum: Tensor;
  gradients: Tensor[];
}

/** The results do not keep the parts' graphs. */
function differentiate(parts: (() => PartAndInputs)[]): DifferentiatedPart[] {
  const made: (StepMetrics & { sum: Tensor })[] = [];
  const gradients = gradEach(
    parts.map((make) => () => {
      const { inputs, terms, losses, statistics } = make();
      const loss = weightedSum(terms);
      made.push({ losses: { ...valuesOf(terms), ...losses }, statistics, sum: loss.detach() });
      return { loss, inputs };
    }),
  );
  return made.map((part, i) => ({ ...part, gradients: gradients[i]! }));
}

/** Whether gradients of an optimizer's parameters are recorded. */
function requireGrad(parameters: optim.Adam["parameters"], value: boolean): void {
  for (const parameter of parameters.values()) parameter.requiresGrad = value;
}
