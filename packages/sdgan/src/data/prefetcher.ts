/** Batches with their images, made ready ahead of training. */
import type { BatchPlan } from "./batch.js";
import type { Split } from "./dataset.js";
import type { LoaderState } from "./epoch-order.js";
import { ImageWorkers } from "./image-workers.js";
import type { Prepared } from "./prepared.js";
import { fillPyramid, type ImagePlan, type ResizedImages, roomFor } from "./pyramid.js";

/** What decides batches: a `Loader`, a `PairLoader`. */
export interface Planner<Plan> {
  plan(): Plan;
  state(): LoaderState;
  restore(state: LoaderState): void;
}

export interface PrefetcherOptions<Plan> {
  planner: Planner<Plan>;
  data: Prepared;
  split: Split;
  /** Pixels a side that images are wanted at. */
  sizes: readonly number[];
  /** Threads that make them ready beside this one. With none, `next` does it itself, when asked. */
  workers: number;
}

/** A plan, and its branches' images, one after another, at each of the sizes: valid until the next call. */
export type Prefetched<Plan> = Plan & { images: ResizedImages[] };

/** Fewer batches ahead than this would be none whenever one takes longer than a step. */
const fewestAhead = 2;

/**
 * Batches as the planner decides them, with their images. The planner runs ahead, in this thread and in order, and
 * workers only carry out: batches and state are the same for any number of them. Memory for images is taken once:
 * for two batches ahead (one a worker, if there are more) and the one that was given out.
 */
export class Prefetcher<Plan extends { branches: readonly BatchPlan[] }> implements AsyncDisposable {
  readonly #options: PrefetcherOptions<Plan>;
  readonly #workers: ImageWorkers | undefined;
  /** Batches that are held at most. */
  readonly #most: number;
  /** Batches under way or ready, in order. */
  #ahead: Ahead<Plan>[] = [];
  /** Room that no batch is in. */
  #free: ResizedImages[][] = [];
  /** Room of the batch that was given out last. */
  #given: ResizedImages[] | undefined;
  /** The planner's, after the batch that was given out last. */
  #state: LoaderState;

  constructor(options: PrefetcherOptions<Plan>) {
    const { planner, data, split, workers } = options;
    const { storedSize, size } = data;
    this.#options = options;
    this.#state = planner.state();
    this.#most = workers === 0 ? 1 : Math.max(fewestAhead, workers) + 1;
    if (workers > 0)
      this.#workers = new ImageWorkers(workers, {
        stored: data.splits[split].stored,
        sizes: { storedSize, size },
      });
  }

  /**
   * The next batch. Rejects with a `UserError` that names the file when its images cannot be read, and with a
   * `RangeError` when they cannot be averaged to one of the sizes.
   */
  async next(): Promise<Prefetched<Plan>> {
    if (this.#given) this.#free.push(this.#given);
    while (this.#ahead.length < this.#most) this.#ahead.push(this.#start());
    const { plan, images, ready, state } = this.#ahead.shift()!;
    this.#given = images;
    await ready;
    this.#state = state;
    return { ...plan, images };
  }

  /** Epochs that have begun with the batches given out, less one. */
  get epoch(): number {
    return this.#state.epoch;
  }

  /** From here on come the batches after the one that was given out last. */
  state(): LoaderState {
    return this.#state;
  }

  restore(state: LoaderState): void {
    this.#options.planner.restore(state);
    this.#state = state;
    // Into their room workers may still write.
    this.#ahead = [];
  }

  /** Ends the workers. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workers?.[Symbol.asyncDispose]();
  }

  #start(): Ahead<Plan> {
    const { planner, data, sizes } = this.#options;
    const plan = planner.plan();
    const state = planner.state();
    const wanted: ImagePlan = {
      images: plan.branches.flatMap(({ images }) => [...images]),
      windows: plan.branches.flatMap(({ windows }) => windows),
    };
    const images = this.#free.pop() ?? roomFor(wanted.windows.length, data.size, sizes);
    const ready = this.#fill(wanted, images);
    // It is awaited in its turn: if it fails before that, nobody else need hear of it.
    ready.catch(() => {});
    return { plan, state, images, ready };
  }

  async #fill(images: ImagePlan, into: ResizedImages[]): Promise<void> {
    if (this.#workers) return this.#workers.fill(images, into);
    const { data, split } = this.#options;
    fillPyramid(data.splits[split].pixels, images, data, into);
  }
}

interface Ahead<Plan> {
  plan: Plan;
  /** The planner's, after this plan. */
  state: LoaderState;
  images: ResizedImages[];
  ready: Promise<void>;
}
