/** What the trainings of DAMSM and of the attribute classifier share. */
import type { Config } from "@sdgan/core";
import { type nn, type optim, withAllCores } from "@sdgan/torch";
import type { TrainingState } from "../artifacts/checkpoints.js";
import { joinStates, stateUnder } from "../artifacts/tensor-file.js";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { randomState, restoreRandomState } from "../compute/random-streams.js";
import type { LoaderState } from "../data/epoch-order.js";
import { Loader } from "../data/loader.js";
import { Prefetcher } from "../data/prefetcher.js";
import type { Prepared } from "../data/prepared.js";
import type { ActiveRun } from "../run/run-folder.js";
import type { StepMetrics } from "./step-metrics.js";
import type { TrainingTask } from "./training-task.js";

export interface SingleOptimizerOptions {
  /** The networks by their names in checkpoints. */
  networks: Record<string, nn.Module>;
  optimizer: optim.Adam;
  config: Config;
  data: Prepared;
  /** Images per step. */
  batch: number;
  /** Side of the requested images, in pixels. */
  size: number;
  compute: Compute;
}

/** Trains networks with one Adam on batches of training images, each with one of its captions. */
export abstract class SingleOptimizerTask implements TrainingTask, AsyncDisposable {
  protected readonly compute: Compute;
  protected readonly optimizer: optim.Adam;
  protected readonly prefetcher: Prefetcher<ReturnType<Loader["plan"]>>;
  readonly #networks: Record<string, nn.Module>;

  constructor({ networks, optimizer, config, data, batch, size, compute }: SingleOptimizerOptions) {
    this.compute = compute;
    this.optimizer = optimizer;
    this.#networks = networks;
    const { seed } = config;
    const planner = new Loader({ data, split: "train", batch, seed, ...config.data });
    const { workers } = config.data;
    this.prefetcher = withAllCores(
      () => new Prefetcher({ planner, data, split: "train", sizes: [size], workers }),
    );
  }

  abstract step(): Promise<StepMetrics>;
  abstract publish(run: ActiveRun): void;

  get steps(): number {
    return this.optimizer.steps;
  }

  get device(): Device {
    return this.compute.device;
  }

  state(): TrainingState {
    const networks = Object.entries(this.#networks).map(([name, network]) => [name, network.stateDict()]);
    return {
      tensors: joinStates({
        ...Object.fromEntries(networks),
        adam: this.optimizer.stateDict(),
        random: randomState(this.device),
      }),
      values: { steps: this.steps, loader: this.prefetcher.state() },
    };
  }

  restore({ tensors, values }: TrainingState): void {
    for (const [name, network] of Object.entries(this.#networks))
      network.loadStateDict(stateUnder(tensors, name));
    this.optimizer.loadStateDict(stateUnder(tensors, "adam"), values.steps as number);
    this.prefetcher.restore(values.loader as LoaderState);
    restoreRandomState(this.device, stateUnder(tensors, "random"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.prefetcher[Symbol.asyncDispose]();
  }
}
