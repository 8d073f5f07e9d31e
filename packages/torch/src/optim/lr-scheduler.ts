/**
 * Learning rate schedules, with the names of `torch.optim.lr_scheduler`. Each is a formula of the epoch: the optimizer's
 * rate before its first schedule, times a factor. So a rate that is set by hand lasts until the next `step`, and if an
 * optimizer has two schedules, the last `step` decides. To run schedules one after another, use `SequentialLR`.
 */
import type { Optimizer } from "./optimizer.js";

/** The state of a schedule: plain numbers, for JSON. */
export interface ScheduleState {
  lastEpoch: number;
  baseLearningRate: number;
}

/** The part of an optimizer that a schedule changes. */
export type Scheduled = Pick<Optimizer, "learningRate">;

/** The rate of each optimizer before any schedule. */
const baseRates = new WeakMap<Scheduled, number>();

/** Sets the optimizer's learning rate, at once for epoch 0 and then with every `step`. */
export abstract class LRScheduler {
  #lastEpoch = 0;

  constructor(readonly optimizer: Scheduled) {
    if (typeof optimizer?.learningRate !== "number")
      throw new TypeError(`${this.constructor.name}: expected an optimizer`);
    if (!baseRates.has(optimizer)) baseRates.set(optimizer, optimizer.learningRate);
  }

  /** Steps taken so far. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** The optimizer's learning rate before its first schedule. */
  get baseLearningRate(): number {
    return baseRates.get(this.optimizer)!;
  }

  /** The learning rate of an epoch. */
  abstract rateAt(epoch: number): number;

  /** Advances to the next epoch, after `optimizer.step()`. The caller decides what an epoch is; it may be a batch. */
  step(): void {
    this.#lastEpoch += 1;
    this.apply();
  }

  stateDict(): ScheduleState {
    return { lastEpoch: this.#lastEpoch, baseLearningRate: this.baseLearningRate };
  }

  /** Restores the result of `stateDict`, and sets the optimizer's learning rate. Throws if it is not such a state. */
  loadStateDict({ lastEpoch, baseLearningRate }: ScheduleState): void {
    if (!Number.isInteger(lastEpoch) || lastEpoch < 0 || !Number.isFinite(baseLearningRate))
      throw new TypeError(
        `${this.constructor.name}: expected { lastEpoch, baseLearningRate }, found ${String(lastEpoch)} and ${String(baseLearningRate)}`,
      );
    baseRates.set(this.optimizer, baseLearningRate);
    this.#lastEpoch = lastEpoch;
    this.apply();
  }

  /** Every subclass calls it after its options are set. */
  protected apply(): void {
    this.optimizer.learningRate = this.rateAt(this.#lastEpoch);
  }
}

/** base · factor(epoch). */
export class LambdaLR extends LRScheduler {
  constructor(
    optimizer: Scheduled,
    readonly factor: (epoch: number) => number,
  ) {
    super(optimizer);
    this.apply();
  }

  override rateAt(epoch: number): number {
    return this.baseLearningRate * this.factor(epoch);
  }
}

/** Times `gamma` every `stepSize` epochs. */
export class StepLR extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;

  constructor(optimizer: Scheduled, { stepSize, gamma = 0.1 }: { stepSize: number; gamma?: number }) {
    super(optimizer);
    this.stepSize = atLeastOne("StepLR: stepSize", stepSize);
    this.gamma = gamma;
    this.apply();
  }

  override rateAt(epoch: number): number {
    return this.baseLearningRate * this.gamma ** Math.floor(epoch / this.stepSize);
  }
}

/** Times `gamma` at each of the `milestones`. */
export class MultiStepLR extends LRScheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  constructor(
    optimizer: Scheduled,
    { milestones, gamma = 0.1 }: { milestones: readonly number[]; gamma?: number },
  ) {
    super(optimizer);
    this.milestones = increasing("MultiStepLR", milestones);
    this.gamma = gamma;
    this.apply();
  }

  override rateAt(epoch: number): number {
    return this.baseLearningRate * this.gamma ** reached(this.milestones, epoch);
  }
}

/** Times `gamma` every epoch. */
export class ExponentialLR extends LRScheduler {
  readonly gamma: number;

  constructor(optimizer: Scheduled, { gamma }: { gamma: number }) {
    super(optimizer);
    if (!Number.isFinite(gamma))
      throw new TypeError(`ExponentialLR: expected a gamma, found ${String(gamma)}`);
    this.gamma = gamma;
    this.apply();
  }

  override rateAt(epoch: number): number {
    return this.baseLearningRate * this.gamma ** epoch;
  }
}

/** From base to `etaMin` in `tMax` epochs along half a cosine (Loshchilov and Hutter, 2017), and back in as many. */
export class CosineAnnealingLR extends LRScheduler {
  readonly tMax: number;
  readonly etaMin: number;

  constructor(optimizer: Scheduled, { tMax, etaMin = 0 }: { tMax: number; etaMin?: number }) {
    super(optimizer);
    this.tMax = atLeastOne("CosineAnnealingLR: tMax", tMax);
    this.etaMin = etaMin;
    this.apply();
  }

  override rateAt(epoch: number): number {
    const height = this.baseLearningRate - this.etaMin;
    return this.etaMin + (height * (1 + Math.cos((Math.PI * epoch) / this.tMax))) / 2;
  }
}

/** base times a factor that changes from `startFactor` to `endFactor` in `totalIters` equal steps: a warm-up. */
export class LinearLR extends LRScheduler {
  readonly startFactor: number;
  readonly endFactor: number;
  readonly totalIters: number;

  constructor(optimizer: Scheduled, { startFactor = 1 / 3, endFactor = 1, totalIters = 5 } = {}) {
    super(optimizer);
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = atLeastOne("LinearLR: totalIters", totalIters);
    this.apply();
  }

  override rateAt(epoch: number): number {
    const share = Math.min(epoch, this.totalIters) / this.totalIters;
    return this.baseLearningRate * (this.startFactor + (this.endFactor - this.startFactor) * share);
  }
}

/** One schedule until the first of the `milestones`, the next after it, each starting with its epoch 0. */
export class SequentialLR extends LRScheduler {
  readonly schedulers: readonly LRScheduler[];
  readonly milestones: readonly number[];

  constructor(
    optimizer: Scheduled,
    { schedulers, milestones }: { schedulers: readonly LRScheduler[]; milestones: readonly number[] },
  ) {
    super(optimizer);
    this.milestones = increasing("SequentialLR", milestones);
    if (!Array.isArray(schedulers) || schedulers.length !== milestones.length + 1)
      throw new TypeError(
        `SequentialLR: expected ${milestones.length + 1} schedulers for ${milestones.length} milestones, found ${schedulers?.length}`,
      );
    if (schedulers.some((scheduler) => scheduler.optimizer !== optimizer))
      throw new TypeError("SequentialLR: a scheduler belongs to another optimizer");
    this.schedulers = schedulers;
    this.apply();
  }

  override rateAt(epoch: number): number {
    const passed = reached(this.milestones, epoch);
    const start = passed === 0 ? 0 : this.milestones[passed - 1]!;
    return this.schedulers[passed]!.rateAt(epoch - start);
  }
}

/** The number of milestones that an epoch has reached. */
function reached(milestones: readonly number[], epoch: number): number {
  return milestones.filter((milestone) => milestone <= epoch).length;
}

function atLeastOne(name: string, value: number): number {
  if (!(Number.isInteger(value) && value >= 1))
    throw new TypeError(`${name}: expected a whole number of at least 1, found ${String(value)}`);
  return value;
}

function increasing(name: string, milestones: readonly number[]): readonly number[] {
  if (!Array.isArray(milestones) || milestones.some((epoch, i) => !(epoch >= (milestones[i - 1] ?? 0))))
    throw new TypeError(
      `${name}: expected milestones in increasing order, found ${JSON.stringify(milestones)}`,
    );
  return milestones;
}
