/** A cheap evaluation while the GAN trains: a few hundred images of the validation split, looked at by what the run folder has. */

import { join } from "node:path";
import { type Config, imageSizes, UserError } from "@sdgan/core";
import { attributeClassifierOf, attributeClassifierPath } from "../artifacts/attribute-classifier.js";
import { type Damsm, damsmFile, damsmFolder } from "../artifacts/damsm.js";
import type { Compute } from "../compute/compute.js";
import type { Split } from "../data/dataset.js";
import type { Prepared } from "../data/prepared.js";
import { generateImages } from "../generation/generate.js";
import type { Evaluator } from "../training/evaluator.js";
import type { FeatureExtractors } from "./extract-features.js";
import { measure } from "./measure.js";
import { attributeExtractor } from "./networks/attribute-classifier.js";
import { damsmExtractor } from "./networks/damsm.js";
import { figureKinds, type MetricName, trainingFigures } from "./result.js";
import { chooseTrials } from "./trials.js";

/** The test split is kept for what is reported: no checkpoint is chosen by it. */
const split = "val" satisfies Split;

/**
 * What `evaluate` of the configuration asks for; undefined where it asks for nothing. The run folder's attribute classifier looks at
 * the images; where there is none, the DAMSM that the generator is trained with, which tells less: it is what the
 * generator learns to please.
 * @throws UserError if the best checkpoint is to be found by the attribute accuracy and there is no attribute classifier
 */
export function makeEvaluator(
  run: string,
  options: { config: Config; data: Prepared; damsm: Damsm; compute: Compute },
): Evaluator | undefined {
  const { config, data } = options;
  const { every, images, best } = config.evaluate;
  if (every === 0) return undefined;
  const size = imageSizes(config.generator).at(-1)!;
  const { device } = options.compute;
  const extractors = extractorsOf(run, { ...options, size });
  const trials = chooseTrials(data, split, images, config.seed);
  const metrics: MetricName[] = ["frechetDistance", "consistency", "diversity"];
  if (extractors.attributeClassifier) metrics.push("attributeAccuracy");
  else if (best === "attributeAccuracy")
    throw new UserError(
      `evaluate.best is attributeAccuracy, and there is no ${attributeClassifierPath(run)}: train an attribute classifier first ` +
        `(sdgan train attribute-classifier --config … --data ${data.dir} --run ${run}), or --set evaluate.best=frechetDistance`,
      { code: "file.missing" },
    );
  const named = (figure: string) =>
    `${extractors.attributeClassifier ? "attributeClassifier" : "damsm"}/${figure}`;
  return {
    ...{ every, best: named(best), better: figureKinds[best].better },
    measure(networks) {
      const { figures } = measure({
        ...{ data, split, size, device, trials, extractors, metrics, seed: config.seed },
        draw: (captions, noise) =>
          generateImages(
            networks,
            captions.map(({ tokens }, i) => ({
              tokens: tokens.slice(0, config.data.maxWords),
              ...noise[i]!,
            })),
          ).at(-1)!,
      });
      return Object.fromEntries(
        trainingFigures.flatMap((name) => (figures[name] ? [[named(name), figures[name].generated]] : [])),
      );
    },
  };
}

function extractorsOf(
  run: string,
  {
    config,
    data,
    damsm,
    compute,
    size,
  }: { config: Config; data: Prepared; damsm: Damsm; compute: Compute; size: number },
): FeatureExtractors {
  const { device } = compute;
  const attributeClassifier = attributeClassifierOf(run, undefined, data);
  if (attributeClassifier !== undefined)
    return { attributeClassifier: attributeExtractor(attributeClassifier, { data, size, device }) };
  const file = join(damsmFolder(run), damsmFile);
  const { vocabulary } = data;
  return { damsm: damsmExtractor(damsm, { file, config, vocabulary, seed: config.seed, size, device }) };
}
