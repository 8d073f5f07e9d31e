/** For tests of the evaluation: prepared birds of 64 pixels, and small networks trained on them, in a temporary folder. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "@sdgan/core";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { type Training, train } from "../training/train.js";
import { tinyConfig } from "./tiny.js";

/** Of the images, in pixels. */
export const size = 64;

export class EvaluatedBirds implements Disposable {
  readonly #folder: string;
  readonly data: Prepared;

  private constructor(folder: string, data: Prepared) {
    this.#folder = folder;
    this.data = data;
  }

  /** 18 images in the split val and 120 in test. */
  static async make(): Promise<EvaluatedBirds> {
    const folder = mkdtempSync(join(tmpdir(), "sdgan-evaluation-"));
    const data = join(folder, "data");
    await prepare(birds({ species: 160, imagesPerSpecies: 3, size }), { out: data, size });
    writeFileSync(join(folder, "tiny.yaml"), tinyConfig);
    return new EvaluatedBirds(folder, openPrepared(data));
  }

  readonly at = (...names: string[]): string => join(this.#folder, ...names);

  config(...set: string[]): Config {
    return loadConfig(this.at("tiny.yaml"), [
      ...["data.workers=0", "training.steps=2", "damsm.imageSize=32", "generator.firstSize=32"],
      ...["attributeClassifier.width=8", "attributeClassifier.batch=32", "attributeClassifier.steps=200"],
      ...["attributeClassifier.learningRate=4e-3", ...set],
    ]);
  }

  /** Trains networks into the run folder of this name. */
  async train(run: string, trainings: readonly Training[], ...set: string[]): Promise<void> {
    const options = { data: this.at("data"), run: this.at(run), config: this.config(...set) };
    for (const training of trainings) await train(training, options);
  }

  /** Two runs of the whole training: `run`, and `other` with a DAMSM that can evaluate its model. */
  async trainRuns(...set: string[]): Promise<void> {
    await this.train("run", ["attribute-classifier", "damsm", "gan"], ...set);
    await this.train("other", ["damsm"], "seed=1", "text.width=32");
  }

  [Symbol.dispose](): void {
    this.data.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
