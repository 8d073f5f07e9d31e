/** Training of the GAN on a prepared folder, with a frozen DAMSM. */

import { type Config, imageSizes, Random, UserError } from "@sdgan/core";
import { call, manualSeed, noGrad, scope, type Tensor, tensor, withAllCores } from "@sdgan/torch";
import type { TrainingState } from "../artifacts/checkpoints.js";
import { type Damsm, moveDamsm } from "../artifacts/damsm.js";
import { publishModel } from "../artifacts/model.js";
import type { GanWeights } from "../artifacts/start.js";
import { stateUnder } from "../artifacts/tensor-file.js";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { holdRandomStreams, restoreRandomState } from "../compute/random-streams.js";
import { tokenTensor } from "../compute/tokens.js";
import type { BatchPlan } from "../data/batch.js";
import { Contradictions } from "../data/contradictions.js";
import type { LoaderState } from "../data/epoch-order.js";
import { Loader } from "../data/loader.js";
import { PairLoader } from "../data/pairs.js";
import { type Planner, Prefetcher } from "../data/prefetcher.js";
import type { Prepared } from "../data/prepared.js";
import { type BranchesPlan, type ShardPlan, shardsOf } from "../data/shards.js";
import { captionsOf, classIdsOf, tensorOf, tokensOf } from "../data/tensors.js";
import { type BatchShare, wholeBatch } from "../distributed/batch-share.js";
import type { Processes } from "../distributed/processes.js";
import { wordMask } from "../models/text-encoder.js";
import type { TextFeatures } from "../models/text-features.js";
import type { ActiveRun } from "../run/run-folder.js";
import type { AugmentationState } from "./augmentation.js";
import { forwardRandomly, recomputeStatistics, statisticsBatches } from "./average-statistics.js";
import { damsmLosses } from "./damsm-task.js";
import type { Evaluator } from "./evaluator.js";
import type { ChangedSentences, GanBatch } from "./gan-batch.js";
import { chooseSamples, type Samples, sampleGrid } from "./gan-samples.js";
import { loadStart, type Origin, originOf } from "./gan-start.js";
import { restoreNetworks, stateOf } from "./gan-state.js";
import type { GanTrainer } from "./gan-trainer.js";
import { makeGanTrainer } from "./make-gan-trainer.js";
import { fewestOfVal, measureOverfitting } from "./overfitting.js";
import type { StepMetrics } from "./step-metrics.js";
import type { EvaluationSchedule, TrainingTask } from "./training-task.js";

export class GanTask implements TrainingTask, AsyncDisposable {
  readonly #config: Config;
  readonly #data: Prepared;
  readonly #damsm: Damsm;
  readonly #compute: Compute;
  readonly #prefetcher: Prefetcher<ShardPlan>;
  readonly #share: BatchShare;
  readonly #trainer: GanTrainer;
  /** For `training.changedWords`. */
  readonly #contradictions: Contradictions | undefined;
  readonly #samples: Samples;
  readonly evaluation: EvaluationSchedule | undefined;
  readonly overfitting: TrainingTask["overfitting"];
  /** Where the weights that training began with are from. */
  #startOrigin: Origin;
  /** The step whose weights the averaged generator's statistics were recomputed for. */
  #statisticsAt: number | undefined;

  /**
   * @param evaluator evaluates the averaged generator during training
   * @param start weights to begin with instead of random ones
   * @param processes that train together; by default this one alone
   */
  constructor(
    config: Config,
    data: Prepared,
    damsm: Damsm,
    compute: Compute,
    { evaluator, start, processes, onWarning }: GanTaskOptions = {},
  ) {
    const { seed, training, siamese } = config;
    this.#config = config;
    this.#data = data;
    this.#damsm = moveDamsm(damsm, compute.device);
    this.#compute = compute;
    const losses = (image: Tensor, batch: GanBatch) => this.#damsmLosses(image, batch);
    if (processes) requireDivisible(training.batch, processes.worldSize);
    this.#share = processes?.shareOf(training.batch) ?? wholeBatch;
    this.#trainer = makeGanTrainer(config, {
      device: compute.device,
      encoder: this.#damsm.image,
      processes,
      ...(training.damsmWeight > 0 && { damsm: { weight: training.damsmWeight, losses } }),
    });
    if (start) loadStart(this.#trainer, start);
    this.#startOrigin = start?.origin ?? {};
    if (training.changedWords > 0) this.#contradictions = contradictionsIn(data, onWarning);
    const loader = { data, split: "train" as const, batch: training.batch, seed, ...config.data };
    const whole: Planner<BranchesPlan> = siamese.enabled
      ? new PairLoader({ ...loader, shareSame: siamese.shareSame, acrossLanguages: siamese.acrossLanguages })
      : new Loader(loader);
    const planner = shardsOf(whole, { rank: this.#share.rank, parts: this.#share.processes });
    const sizes = imageSizes(config.generator);
    this.#prefetcher = withAllCores(
      () => new Prefetcher<ShardPlan>({ planner, data, split: "train", sizes, workers: config.data.workers }),
    );
    this.#samples = chooseSamples(config, data, { average: this.#trainer.options.average, compute });
    const networks = { generator: this.#trainer.options.average, text: damsm.text, compute };
    this.evaluation = evaluator && {
      ...evaluator,
      patience: training.patience,
      measure: async () => {
        this.#recomputeStatistics();
        if (processes) await this.#adoptStatistics(processes);
        return evaluator.measure(networks);
      },
    };
    const every = config.log.discriminatorOnVal;
    if (every > 0 && data.splits.val.images.length >= fewestOfVal) {
      const trainer = this.#trainer;
      const encode = (batches: BatchPlan[]) => this.#encode(batches);
      const measure = () => measureOverfitting({ config, data, compute, trainer, encode });
      this.overfitting = { every, measure };
    }
  }

  get steps(): number {
    return this.#trainer.steps;
  }

  get device(): Device {
    return this.#compute.device;
  }

  async step(): Promise<StepMetrics> {
    const { whole, images, ...own } = await this.#prefetcher.next();
    return scope(() => {
      const text = this.#encode(own.branches);
      const batch: GanBatch = {
        real: images.map((one) => tensorOf(one, this.#compute)),
        text,
        ...this.#pairsAndClasses(own),
        ...(this.#contradictions && { changed: this.#changed(own, this.#contradictions) }),
        ...(this.#share.processes > 1 && {
          whole: { text: this.#gathered(text, whole), ...this.#pairsAndClasses(whole) },
        }),
      };
      return this.#trainer.step(batch);
    });
  }

  #pairsAndClasses({ branches, same }: BranchesPlan): Pick<GanBatch, "same" | "classIds"> {
    const { device } = this.#compute;
    return { classIds: classIdsOf(branches, device), ...(same && { same: tensor(same, { device }) }) };
  }

  /** Some of the captions with one word changed. Random numbers depend on step and row only, not on the processes. */
  #changed({ branches }: BranchesPlan, contradictions: Contradictions): ChangedSentences {
    const { seed, training } = this.#config;
    const captions = branches.flatMap((batch, branch) =>
      captionsOf(batch).map((tokens, row) => {
        const number = this.#share.rank * batch.lengths.length + row;
        const random = new Random(seed, "changed words", this.steps, branch, number);
        const changed = random.chance(training.changedWords)
          ? contradictions.change(Array.from(tokens), random)
          : undefined;
        return { tokens: changed ? Int32Array.from(changed) : tokens, exists: changed !== undefined };
      }),
    );
    const { device } = this.#compute;
    const { tokens, lengths } = tokenTensor(
      captions.map((caption) => caption.tokens),
      device,
    );
    return {
      sentence: noGrad(() => this.#damsm.text.forward(tokens, lengths)).sentence,
      exists: tensor(
        captions.map(({ exists }) => exists),
        { dtype: "bool", device },
      ).unsqueeze(1),
    };
  }

  /** The text features of all processes' captions. */
  #gathered({ words, sentence }: TextFeatures, { branches }: BranchesPlan): TextFeatures {
    const lengths = branches.flatMap((branch) => [...branch.lengths]);
    const T = Math.max(...lengths);
    return noGrad(() => ({
      words: this.#share.gather(call<Tensor>("constant_pad_nd", words, [0, T - words.size(2)])),
      sentence: this.#share.gather(sentence),
      mask: wordMask(lengths, T, this.#compute.device),
    }));
  }

  #damsmLosses(image: Tensor, batch: GanBatch): { words: Tensor; sentence: Tensor } {
    const { text, classIds } = batch.whole ?? batch;
    return damsmLosses(this.#damsm, image, text, classIds!, this.#config.damsm, this.#share.gather);
  }

  /** Without gradients: the text encoder is frozen. */
  #encode(batches: readonly BatchPlan[]): TextFeatures {
    const { tokens, lengths } = tokensOf(batches, this.#compute.device);
    return noGrad(() => this.#damsm.text.forward(tokens, lengths));
  }

  /** With `training.averageStatistics`, before every use of the averaged generator: `MovingAverage` does not prepare them. */
  #recomputeStatistics(): void {
    const { averageStatistics: batches } = this.#config.training;
    if (batches === 0 || this.#statisticsAt === this.steps) return;
    const { average } = this.#trainer.options;
    const plans = statisticsBatches(this.#config, this.#data);
    using _ = holdRandomStreams(this.#compute.device);
    manualSeed(this.#config.seed);
    recomputeStatistics(average, plans.length, (batch) =>
      forwardRandomly(average, this.#encode([plans[batch]!]), this.#compute),
    );
    this.#statisticsAt = this.steps;
  }

  /**
   * Gives the averaged generator the running statistics of process 0, for an evaluation by all processes. They differ
   * without `training.syncBatchNorm`, are not used in training, and only those of process 0 are saved.
   */
  async #adoptStatistics(processes: Processes): Promise<void> {
    const own = new Map(this.#trainer.options.average.namedBuffers());
    await processes.meet(); // Process 0 may have had other work to do, and recomputing takes time.
    scope(() => {
      const first = processes.tensorsFromFirst(processes.isFirst ? own : undefined);
      if (!processes.isFirst)
        noGrad(() => own.forEach((buffer, name) => void buffer.copy_(first.get(name)!)));
    });
  }

  async sample(onMissingFont?: (advice: string) => void): Promise<Buffer> {
    this.#recomputeStatistics();
    return sampleGrid(this.#samples, {
      data: this.#data,
      maxWords: this.#config.data.maxWords,
      average: this.#trainer.options.average,
      encode: (batches) => this.#encode(batches),
      title: `step ${this.steps}`,
      onMissingFont,
    });
  }

  state(): TrainingState {
    this.#recomputeStatistics();
    const augmentation = this.#trainer.augmentation.state();
    return {
      tensors: stateOf(this.#trainer, this.#compute.device),
      values: {
        steps: this.steps,
        discriminatorSteps: this.#trainer.discriminatorOptimizers.map(({ steps }) => steps),
        loader: this.#prefetcher.state(),
        ...(augmentation && { augmentation }),
        ...(this.#startOrigin.dataSource !== undefined && { startOrigin: this.#startOrigin }),
      },
    };
  }

  restore({ tensors, values }: TrainingState): void {
    restoreNetworks(this.#trainer, tensors, values);
    this.#trainer.grow();
    this.#statisticsAt = undefined;
    const { augmentation, startOrigin = {} } = values as {
      augmentation?: AugmentationState[];
      startOrigin?: Origin;
    };
    this.#startOrigin = startOrigin;
    this.#trainer.augmentation.restore(augmentation, this.#compute.device);
    // Imported weights have no loader state: no batch has been read yet.
    if (values.loader !== undefined) this.#prefetcher.restore(values.loader as LoaderState);
    restoreRandomState(this.#compute.device, stateUnder(tensors, "random"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prefetcher[Symbol.asyncDispose]();
  }

  /** Writes the model for generation: the averaged generator and the text encoder. */
  publish(run: ActiveRun): void {
    this.#recomputeStatistics();
    const { average } = this.#trainer.options;
    const networks = { generator: average, text: this.#damsm.text };
    const { steps } = this;
    const about = originOf(this.#data, this.#startOrigin);
    publishModel(run.path, networks, { step: steps, dependsOn: run.dependsOn, about });
  }
}

/** Undefined, with a warning, if there are none. */
function contradictionsIn(
  { dir, splits }: Prepared,
  onWarning?: (line: string) => void,
): Contradictions | undefined {
  const captions = Array.from(splits.train.images, (image) => image.captions.map(({ tokens }) => tokens));
  const found = new Contradictions(captions);
  if (!found.isEmpty) return found;
  onWarning?.(
    `${dir}: its captions show no words that contradict each other, for which images need several captions each, so ` +
      "training.changedWords is ignored",
  );
  return undefined;
}

/** @throws UserError if the pairs or images of a step are not a multiple of the processes */
function requireDivisible(batch: number, processes: number): void {
  const each = Math.max(2, Math.round(batch / processes)); // BN needs two.
  if (batch % processes === 0 && batch / processes >= 2) return;
  throw new UserError(
    `training.batch is ${batch}, which cannot be shared among ${processes} processes: it is the number of all processes ` +
      `together, and each needs the same number, at least 2. Use --set training.batch=${each * processes}`,
    { code: "config.invalid" },
  );
}

interface GanTaskOptions {
  evaluator?: Evaluator | undefined;
  start?: GanWeights | undefined;
  processes?: Processes | undefined;
  onWarning?: ((line: string) => void) | undefined;
}
