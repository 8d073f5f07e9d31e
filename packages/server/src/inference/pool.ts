import { UserError } from "@sdgan/core";
import type { ServedModel } from "./messages.js";
import { InferenceProcess } from "./process.js";
import type { Runner } from "./scheduler.js";

export interface PoolEvents {
  /** A process is ready for work. */
  onReady(): void;
  /** A process ended, and another is started. */
  onRestart(reason: string): void;
  /** Processes keep ending before they are ready: there is no inference any more. */
  onFailure(reason: string): void;
}

/** What starts a process: `InferenceProcess.start`, or a substitute in tests. */
export type StartProcess = (
  models: readonly string[],
  onEnd: (ended: PooledProcess, reason: string) => void,
) => Promise<{ started: PooledProcess; models: ServedModel[] }>;

export interface PooledProcess extends Runner {
  readonly pid: number | undefined;
  /** Ends it when it has computed its batch. */
  retire(): void;
  end(): void;
}

/** A number of inference processes with the same models. One that ends is replaced. */
export class Pool {
  /**
   * Starts the first process, and the others in the background.
   * @throws UserError if a model cannot be loaded
   */
  static async start(
    models: readonly string[],
    count: number,
    events: PoolEvents,
    start: StartProcess = InferenceProcess.start,
  ): Promise<Pool> {
    const pool = new Pool(models, count, events, start);
    pool.models = await pool.#add();
    pool.#fill();
    return pool;
  }

  /** What is known about the models, in their order. */
  models: readonly ServedModel[] = [];
  readonly #processes = new Set<PooledProcess>();
  #failures = 0;
  #ended = false;
  /** How often the models have been changed. */
  #changes = 0;

  private constructor(
    public names: readonly string[],
    readonly count: number,
    readonly events: PoolEvents,
    readonly start: StartProcess,
  ) {}

  /** The processes that are ready or compute. */
  get runners(): readonly PooledProcess[] {
    return [...this.#processes];
  }

  /**
   * Loads other models, and computes with these when the first process has them. Present processes finish their batches.
   * @throws UserError if a model cannot be loaded; the present models stay
   */
  async change(names: readonly string[]): Promise<void> {
    const { started, models } = await this.#startWith(names);
    if (this.#ended) return started.end();
    this.#changes += 1;
    this.names = names;
    this.models = models;
    const before = [...this.#processes];
    this.#processes.clear();
    this.#processes.add(started);
    for (const process of before) process.retire();
    this.events.onReady();
    this.#fill();
  }

  /** Ends all processes at once. */
  end(): void {
    this.#ended = true;
    for (const process of this.#processes) process.end();
    this.#processes.clear();
  }

  /** Starts all processes but the first. */
  #fill(): void {
    for (let i = 1; i < this.count; i++) void this.#replace();
  }

  #startWith(names: readonly string[]) {
    return this.start(names, (ended, reason) => {
      // One that was not ready yet is counted by its start, and one that is retired is not missed.
      if (!this.#processes.delete(ended) || this.#ended) return;
      this.events.onRestart(reason);
      void this.#replace();
    });
  }

  async #add(): Promise<ServedModel[]> {
    const changes = this.#changes;
    const { started, models } = await this.#startWith(this.names);
    if (this.#ended || changes !== this.#changes) {
      started.end();
      return models;
    }
    this.#refuseOthers(models, started);
    this.#processes.add(started);
    this.#failures = 0;
    this.events.onReady();
    return models;
  }

  async #replace(): Promise<void> {
    const changes = this.#changes;
    while (!this.#ended && changes === this.#changes) {
      try {
        await this.#add();
        return;
      } catch (error) {
        this.#failures += 1;
        const reason = error instanceof Error ? error.message : String(error);
        if (this.#ended || changes !== this.#changes) return;
        if (this.#failures >= MOST_FAILURES && this.#processes.size === 0)
          return this.events.onFailure(reason);
        await new Promise((resolve) => setTimeout(resolve, 200 * Math.min(this.#failures, 25)));
      }
    }
  }

  /** A model's folder may have been replaced since; one prompt and one seed would then have two images. */
  #refuseOthers(models: readonly ServedModel[], started: PooledProcess): void {
    const files = (all: readonly ServedModel[]) => JSON.stringify(all.map(({ manifest }) => manifest.files));
    if (this.models.length === 0 || files(models) === files(this.models)) return;
    started.end();
    throw new UserError("the files of a model have changed since the server was started; start it again", {
      code: "model.invalid",
    });
  }
}

/** Starts in a row that may fail. */
const MOST_FAILURES = 5;
