/** Training of the attribute classifier on real images whose attributes are known. */

import { join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import { functional, grad, optim, saveSafetensors, scope, stack, type Tensor, tensor } from "@sdgan/torch";
import {
  type AttributeValues,
  attributeClassifierFile,
  attributeClassifierSize,
  makeAttributeClassifier,
} from "../artifacts/attribute-classifier.js";
import type { Compute } from "../compute/compute.js";
import { fit } from "../compute/images.js";
import type { Prepared } from "../data/prepared.js";
import { tensorOf } from "../data/tensors.js";
import { type LossTerm, valuesOf, weightedSum } from "../losses/terms.js";
import type { AttributeClassifier } from "../models/attribute-classifier.js";
import { hashesOf } from "../run/dependencies.js";
import type { ActiveRun } from "../run/run-folder.js";
import { writeAtomic } from "../util/atomic-file.js";
import { SingleOptimizerTask } from "./single-optimizer-task.js";
import type { StepMetrics } from "./step-metrics.js";

export class AttributeClassifierTask extends SingleOptimizerTask {
  readonly #config: Config["attributeClassifier"];
  readonly #data: Prepared;
  readonly #attributes: AttributeValues;
  readonly #attributeClassifier: AttributeClassifier;

  constructor(config: Config, data: Prepared, compute: Compute) {
    if (!data.attributes) {
      throw new UserError(
        `${data.dir}: the images have no attributes, so an attribute classifier cannot be trained on them`,
        { code: "data.mismatch" },
      );
    }
    const { batch, learningRate, width } = config.attributeClassifier;
    const attributeClassifier = makeAttributeClassifier(data.attributes, width);
    attributeClassifier.to({ device: compute.device, memoryFormat: "channels_last" });
    super({
      networks: { attributeClassifier },
      optimizer: new optim.Adam(attributeClassifier.namedParameters(), { learningRate }),
      ...{ config, data, batch, size: Math.min(data.size, attributeClassifierSize), compute },
    });
    this.#config = config.attributeClassifier;
    this.#data = data;
    this.#attributes = data.attributes;
    this.#attributeClassifier = attributeClassifier;
  }

  async step(): Promise<StepMetrics> {
    const { steps, learningRate } = this.#config;
    // A half cosine from the initial rate to 0.
    this.optimizer.learningRate =
      (learningRate / 2) * (1 + Math.cos((Math.PI * Math.min(this.steps, steps)) / steps));
    const { branches, images } = await this.prefetcher.next();
    return scope(() => {
      const logits = this.#attributeClassifier.forward(
        fit(tensorOf(images[0]!, this.compute), attributeClassifierSize),
      );
      const truths = Array.from(
        branches[0].images,
        (place) => this.#data.splits.train.images.at(place).attributes!,
      );
      const accuracies: Tensor[] = [];
      const terms = Object.keys(this.#attributes).map((name, i): LossTerm => {
        const values = truths.map((truth) => truth[name]!);
        const truth = tensor(values, { dtype: "int64", device: this.device });
        accuracies.push(logits[i]!.argmax(1).eq(truth).to("float32").mean().to("float64"));
        return { name: `loss/${name}`, value: functional.crossEntropy(logits[i]!, truth), weight: 1 };
      });
      this.optimizer.step(grad([weightedSum(terms)], this.#attributeClassifier.parameters()));
      return { losses: valuesOf(terms), statistics: { accuracy: stack(accuracies).mean() } };
    });
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
