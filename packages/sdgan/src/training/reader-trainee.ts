/** Training of the reader on real pictures whose attributes are known. */
import { join } from "node:path";
import {
  functional,
  grad,
  optim,
  saveSafetensors,
  scope,
  type Tensor,
  tensor,
  withAllCores,
} from "@sdgan/torch";
import type { Compute } from "../compute.js";
import type { Config } from "../config.js";
import { Feed } from "../data/feed.js";
import { Loader } from "../data/loader.js";
import type { LoaderState } from "../data/order.js";
import type { Prepared } from "../data/prepared.js";
import type { Device } from "../device.js";
import { UserError } from "../errors.js";
import { Reader } from "../models/reader.js";
import { randomState, restoreRandomState } from "../random-streams.js";
import { writeAtomic } from "../run/atomic-file.js";
import type { ActiveRun } from "../run/run-folder.js";
import { joinStates, stateUnder, type TrainingState } from "./checkpoint.js";
import type { Trainee } from "./loop.js";
import { tensorOf } from "./tensors.js";

/** The trained network, in the reader's run folder. */
export const readerFile = "reader.safetensors";

/** Pixels a side of what a reader looks at. */
export const readerSize = 64;

/** Attributes by name, each with the values that it can have. */
export type Attributes = Record<string, string[]>;

export class ReaderTrainee implements Trainee, AsyncDisposable {
  readonly #config: Config["reader"];
  readonly #data: Prepared;
  readonly #attributes: Attributes;
  readonly #reader: Reader;
  readonly #compute: Compute;
  readonly #feed: Feed<ReturnType<Loader["plan"]>>;
  readonly #optimizer: optim.Adam;

  constructor(config: Config, data: Prepared, compute: Compute) {
    if (!data.attributes) {
      throw new UserError(`${data.dir}: the pictures' attributes are not known, so no reader can learn them`);
    }
    const { seed, reader } = config;
    this.#config = reader;
    this.#data = data;
    this.#compute = compute;
    this.#attributes = data.attributes;
    this.#reader = makeReader(data.attributes, reader.width);
    this.#reader.to({ device: compute.device, memoryFormat: "channels_last" });
    const planner = new Loader({ data, split: "train", batch: reader.batch, seed, ...config.data });
    const [sizes, { workers }] = [[readerSize], config.data];
    this.#feed = withAllCores(() => new Feed({ planner, data, split: "train", sizes, workers }));
    this.#optimizer = new optim.Adam(this.#reader.namedParameters(), { learningRate: reader.learningRate });
  }

  get steps(): number {
    return this.#optimizer.steps;
  }

  get device(): Device {
    return this.#compute.device;
  }

  async step(): Promise<Record<string, Tensor>> {
    const { steps, learningRate } = this.#config;
    // A half cosine down to nothing.
    this.#optimizer.learningRate =
      (learningRate / 2) * (1 + Math.cos((Math.PI * Math.min(this.steps, steps)) / steps));
    const { branches, images } = await this.#feed.next();
    return scope(() => {
      const logits = this.#reader.forward(tensorOf(images[0]!, this.#compute));
      const truths = Array.from(
        branches[0].pictures,
        (place) => this.#data.splits.train.pictures.at(place).attributes!,
      );
      const right: Tensor[] = [];
      const losses = Object.keys(this.#attributes).map((name, i) => {
        const values = truths.map((truth) => truth[name]!);
        const truth = tensor(values, { dtype: "int64", device: this.#compute.device });
        right.push(logits[i]!.argmax(1).eq(truth).to("float32").mean().to("float64"));
        return functional.crossEntropy(logits[i]!, truth);
      });
      const sum = (terms: Tensor[]) => terms.reduce((total, term) => total.add(term));
      const loss = sum(losses);
      this.#optimizer.step(grad([loss], this.#reader.parameters()));
      return { loss: loss.detach(), accuracy: sum(right).div(losses.length) };
    });
  }

  state(): TrainingState {
    return {
      tensors: joinStates({
        reader: this.#reader.stateDict(),
        adam: this.#optimizer.stateDict(),
        random: randomState(this.#compute.device),
      }),
      values: { steps: this.steps, loader: this.#feed.state() },
    };
  }

  restore({ tensors, values }: TrainingState): void {
    this.#reader.loadStateDict(stateUnder(tensors, "reader"));
    this.#optimizer.loadStateDict(stateUnder(tensors, "adam"), values.steps as number);
    this.#feed.restore(values.loader as LoaderState);
    restoreRandomState(this.#compute.device, stateUnder(tensors, "random"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#feed[Symbol.asyncDispose]();
  }

  publish(run: ActiveRun): void {
    const metadata = { attributes: JSON.stringify(this.#attributes), width: String(this.#config.width) };
    writeAtomic(join(run.path, readerFile), (path) =>
      saveSafetensors(path, this.#reader.stateDict(), metadata),
    );
  }
}

export function makeReader(attributes: Attributes, width: number): Reader {
  return new Reader(
    Object.values(attributes).map((values) => values.length),
    width,
  );
}
