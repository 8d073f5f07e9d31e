/** Training of the attribute classifier on real images whose attributes are known. */

import { join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import {
  functional,
  grad,
  optim,
  saveSafetensors,
  scope,
  stack,
  type Tensor,
  tensor,
  withAllCores,
} from "@sdgan/torch";
import {
  type AttributeValues,
  attributeClassifierFile,
  attributeClassifierSize,
  makeAttributeClassifier,
} from "../artifacts/attribute-classifier.js";
import type { TrainingState } from "../artifacts/checkpoints.js";
import { joinStates, stateUnder } from "../artifacts/tensor-file.js";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { fit } from "../compute/images.js";
import { randomState, restoreRandomState } from "../compute/random-streams.js";
import type { LoaderState } from "../data/epoch-order.js";
import { Loader } from "../data/loader.js";
import { Prefetcher } from "../data/prefetcher.js";
import type { Prepared } from "../data/prepared.js";
import { tensorOf } from "../data/tensors.js";
import { type LossTerm, valuesOf, weightedSum } from "../losses/terms.js";
import type { AttributeClassifier } from "../models/attribute-classifier.js";
import { hashesOf } from "../run/dependencies.js";
import type { ActiveRun } from "../run/run-folder.js";
import { writeAtomic } from "../util/atomic-file.js";
import type { StepMetrics } from "./step-metrics.js";
import type { TrainingTask } from "./training-task.js";

export class AttributeClassifierTask implements TrainingTask, AsyncDisposable {
  readonly #config: Config["attributeClassifier"];
  readonly #data: Prepared;
  readonly #attributes: AttributeValues;
  readonly #attributeClassifier: AttributeClassifier;
  readonly #compute: Compute;
  readonly #prefetcher: Prefetcher<ReturnType<Loader["plan"]>>;
  readonly #optimizer: optim.Adam;

  constructor(config: Config, data: Prepared, compute: Compute) {
    if (!data.attributes) {
      throw new UserError(
        `${data.dir}: the images have no attributes, so an attribute classifier cannot be trained on them`,
        { code: "data.mismatch" },
      );
    }
    const { seed, attributeClassifier } = config;
    this.#config = attributeClassifier;
    this.#data = data;
    this.#compute = compute;
    this.#attributes = data.attributes;
    this.#attributeClassifier = makeAttributeClassifier(data.attributes, attributeClassifier.width);
    this.#attributeClassifier.to({ device: compute.device, memoryFormat: "channels_last" });
    const planner = new Loader({
      data,
      split: "train",
      batch: attributeClassifier.batch,
      seed,
      ...config.data,
    });
    const sizes = [Math.min(data.size, attributeClassifierSize)];
    const { workers } = config.data;
    this.#prefetcher = withAllCores(() => new Prefetcher({ planner, data, split: "train", sizes, workers }));
    this.#optimizer = new optim.Adam(this.#attributeClassifier.namedParameters(), {
      learningRate: attributeClassifier.learningRate,
    });
  }

  get steps(): number {
    return this.#optimizer.steps;
  }

  get device(): Device {
    return this.#compute.device;
  }

  async step(): Promise<StepMetrics> {
    const { steps, learningRate } = this.#config;
    // A half cosine from the initial rate to 0.
    this.#optimizer.learningRate =
      (learningRate / 2) * (1 + Math.cos((Math.PI * Math.min(this.steps, steps)) / steps));
    const { branches, images } = await this.#prefetcher.next();
    return scope(() => {
      const logits = this.#attributeClassifier.forward(
        fit(tensorOf(images[0]!, this.#compute), attributeClassifierSize),
      );
      const truths = Array.from(
        branches[0].images,
        (place) => this.#data.splits.train.images.at(place).attributes!,
      );
      const accuracies: Tensor[] = [];
      const terms = Object.keys(this.#attributes).map((name, i): LossTerm => {
        const values = truths.map((truth) => truth[name]!);
        const truth = tensor(values, { dtype: "int64", device: this.#compute.device });
        accuracies.push(logits[i]!.argmax(1).eq(truth).to("float32").mean().to("float64"));
        return { name: `loss/${name}`, value: functional.crossEntropy(logits[i]!, truth), weight: 1 };
      });
      this.#optimizer.step(grad([weightedSum(terms)], this.#attributeClassifier.parameters()));
      return { losses: valuesOf(terms), statistics: { accuracy: stack(accuracies).mean() } };
    });
  }

  state(): TrainingState {
    return {
      tensors: joinStates({
        attributeClassifier: this.#attributeClassifier.stateDict(),
        adam: this.#optimizer.stateDict(),
        random: randomState(this.#compute.device),
      }),
      values: { steps: this.steps, loader: this.#prefetcher.state() },
    };
  }

  restore({ tensors, values }: TrainingState): void {
    this.#attributeClassifier.loadStateDict(stateUnder(tensors, "attributeClassifier"));
    this.#optimizer.loadStateDict(stateUnder(tensors, "adam"), values.steps as number);
    this.#prefetcher.restore(values.loader as LoaderState);
    restoreRandomState(this.#compute.device, stateUnder(tensors, "random"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#prefetcher[Symbol.asyncDispose]();
  }

  publish(run: ActiveRun): void {
    const metadata = {
      ...{ attributes: JSON.stringify(this.#attributes), width: String(this.#config.width) },
      ...hashesOf(run.dependsOn),
    };
    writeAtomic(join(run.path, attributeClassifierFile), (path) =>
      saveSafetensors(path, this.#attributeClassifier.stateDict(), metadata),
    );
  }
}
