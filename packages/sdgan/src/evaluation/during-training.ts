/**
 * Evaluation during training of the GAN, on images of the validation split, with a network of the run folder.
 */

import { type Config, figureKinds, imageSizes, type MetricName, UserError } from "@sdgan/core";
import { attributeClassifierOf, attributeClassifierPath } from "../artifacts/attribute-classifier.js";
import type { Device } from "../compute/device.js";
import type { Split } from "../data/dataset.js";
import type { Prepared } from "../data/prepared.js";
import { generateImages } from "../generation/generate.js";
import type { DamsmEvaluator, Evaluator, MakeEvaluator } from "../training/evaluator.js";
import type { FeatureExtractors, FeaturesByNetwork } from "./extract-features.js";
import { measureRecall } from "./matching.js";
import { measure } from "./measure.js";
import { attributeExtractor } from "./networks/attribute-classifier.js";
import { damsmExtractor, damsmFeatures } from "./networks/damsm.js";
import { trainingFigures } from "./result.js";
import { chooseTrials } from "./trials.js";

/** The test split is used for reported figures only: no checkpoint is chosen by it. */
const split = "val" satisfies Split;

/**
 * The evaluator configured by `evaluate`; undefined if `evaluate.every` is 0. The feature network is the
 * attribute classifier of the run folder. Without one, it is the DAMSM that the generator is trained with;
 * its figures are less meaningful, because the generator is trained to score well by it.
 * @throws UserError if `evaluate.best` is attributeAccuracy and there is no attribute classifier
 */
export function makeEvaluator(run: string, options: Parameters<MakeEvaluator>[1]): Evaluator | undefined {
  const { config, data, share } = options;
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
      `evaluate.best is attributeAccuracy, and there is no ${attributeClassifierPath(run)}: ` +
        `train an attribute classifier first (sdgan train attribute-classifier --config … --data ${data.dir} --run ${run}), or --set evaluate.best=frechetDistance`,
      { code: "file.missing" },
    );
  const named = (figure: string) =>
    `${extractors.attributeClassifier ? "attributeClassifier" : "damsm"}/${figure}`;
  const { sha256 } = (extractors.attributeClassifier ?? extractors.damsm)!.about;
  const realFeatures = new Map<number, FeaturesByNetwork>();
  return {
    ...{ every, best: named(best), better: figureKinds[best].better, sha256 },
    async measure(networks) {
      const { figures } = await measure({
        ...{ data, split, size, device, trials, extractors, metrics, seed: config.seed, share, realFeatures },
        wanted: trainingFigures,
        generate: (captions, noise) =>
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

/** R@1 of DAMSM; undefined if `damsm.evaluateEvery` is 0. */
export function makeDamsmEvaluator({
  config,
  data,
  device,
}: {
  config: Config;
  data: Prepared;
  device: Device;
}): DamsmEvaluator | undefined {
  const every = config.damsm.evaluateEvery;
  if (every === 0) return undefined;
  const { vocabulary } = data;
  return {
    ...{ every, best: "recall/mean" },
    measure(damsm) {
      const features = damsmFeatures(damsm, { config, vocabulary, device });
      const { imageToText, textToImage } = measureRecall(features, {
        ...{ data, split, images: damsmImages, seed: config.seed },
      });
      const [toText, toImage] = [imageToText.share, textToImage.share];
      return {
        "recall/imageToText": toText,
        "recall/textToImage": toImage,
        "recall/mean": (toText + toImage) / 2,
      };
    },
  };
}

/** The largest number of images that a DAMSM is measured with during training. */
const damsmImages = 500;

function extractorsOf(
  run: string,
  { config, data, damsm, damsmFile: file, compute, size }: Parameters<MakeEvaluator>[1] & { size: number },
): FeatureExtractors {
  const { device } = compute;
  const attributeClassifier = attributeClassifierOf(run, undefined, data);
  if (attributeClassifier !== undefined)
    return { attributeClassifier: attributeExtractor(attributeClassifier, { data, size, device }) };
  const { vocabulary } = data;
  return { damsm: damsmExtractor(damsm, { file, config, vocabulary, seed: config.seed, size, device }) };
}
