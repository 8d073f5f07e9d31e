/** Prepares batches with their images ahead of training. */
import type { BatchPlan } from "./batch.js";
import type { Split } from "./dataset.js";
import type { LoaderState } from "./epoch-order.js";
import { ImageWorkers } from "./image-workers.js";
import type { Prepared } from "./prepared.js";
import { fillPyramid, type ImagePlan, type ResizedImages, roomFor } from "./pyramid.js";

/** Chooses the contents of batches: a `Loader` or a `PairLoader`. */
export interface Planner<Plan> {
  plan(): Plan;
  state(): LoaderState;
  restore(state: LoaderState): void;
}

export interface PrefetcherOptions<Plan> {
  planner: Planner<Plan>;
  data: Prepared;
  split: Split;
  /** Sides of the requested images, in pixels. */
  sizes: readonly number[];
  /** Number of worker threads. With 0, `next` itself reads the images. */
  workers: number;
}

/** A plan, with the images of all branches, concatenated, at each of the sizes. Valid until the next call. */
export type Prefetched<Plan> = Plan & { images: ResizedImages[] };

/** With fewer batches ahead, training would wait whenever one batch takes longer than a step. */
const minAhead = 2;

/**
 * Yields the planner's batches with their images. The planner runs ahead in this thread and in order, and
 * workers only execute its plans: batches and state are the same for any number of workers. Image buffers are
 * allocated once: for the batches ahead (two, or one per worker if that is more) and the one returned last.
 */
export class Prefetcher<Plan extends { branches: readonly BatchPlan[] }> implements AsyncDisposable {
  readonly #options: PrefetcherOptions<Plan>;
  readonly #workers: ImageWorkers | undefined;
  /** Maximum number of batches in memory. */
  readonly #maxBatches: number;
  /** Batches in progress or ready, in order. */
  #ahead: Ahead<Plan>[] = [];
  /** Unused buffers. */
  #free: ResizedImages[][] = [];
  /** Buffers of the batch returned last. */
  #given: ResizedImages[] | undefined;
  /** The planner's state after the batch returned last. */
  #state: LoaderState;

  constructor(options: PrefetcherOptions<Plan>) {
    const { planner, data, split, workers } = options;
    const { storedSize, size } = data;
    this.#options = options;
    this.#state = planner.state();
    this.#maxBatches = workers === 0 ? 1 : Math.max(minAhead, workers) + 1;
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
    while (this.#ahead.length < this.#maxBatches) this.#ahead.push(this.#start());
    const { plan, images, ready, state } = this.#ahead.shift()!;
    this.#given = images;
    await ready;
    this.#state = state;
    return { ...plan, images };
  }

  /** Epochs begun by the returned batches, minus one. */
  get epoch(): number {
    return this.#state.epoch;
  }

  /** The state from which the batches after the last returned one follow. */
  state(): LoaderState {
    return this.#state;
  }

  restore(state: LoaderState): void {
    this.#options.planner.restore(state);
    this.#state = state;
    // Their buffers are not reused: workers may still write into them.
    this.#ahead = [];
  }

  /** Stops the workers. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workers?.[Symbol.asyncDispose]();
  }

  #start(): Ahead<Plan> {
    const { planner, data, sizes } = this.#options;
    const plan = planner.plan();
    const state = planner.state();
    const imagePlan: ImagePlan = {
      images: plan.branches.flatMap(({ images }) => [...images]),
      windows: plan.branches.flatMap(({ windows }) => windows),
    };
    const images = this.#free.pop() ?? roomFor(imagePlan.windows.length, data.size, sizes);
    const ready = this.#fill(imagePlan, images);
    // `next` awaits it later; an earlier rejection must not count as unhandled.
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
  /** The planner's state after this plan. */
  state: LoaderState;
  images: ResizedImages[];
  ready: Promise<void>;
}
