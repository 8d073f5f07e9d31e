/** How good a run is, in the field's measures: its averaged generator, held against images that it never saw. */

import { join, relative } from "node:path";
import { UserError } from "@sdgan/core";
import { attributeClassifierOf } from "../artifacts/attribute-classifier.js";
import { modelFile } from "../artifacts/model.js";
import type { Device } from "../compute/device.js";
import type { Split } from "../data/dataset.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { generateImages } from "../generation/generate.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { short } from "../run/dependencies.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { sha256Of } from "../util/sha256.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import { type CheckpointChoice, stepOf } from "./best-checkpoint.js";
import { commonSize } from "./common-size.js";
import { comparisonGrid } from "./comparison-grid.js";
import type { FeatureExtractors } from "./extract-features.js";
import { inOrder, lacking, measure } from "./measure.js";
import { attributeExtractor } from "./networks/attribute-classifier.js";
import { independentDamsm } from "./networks/damsm.js";
import { inceptionExtractor } from "./networks/inception.js";
import { readEvaluation } from "./read-evaluation.js";
import {
  type Evaluation,
  type FigureName,
  figureKinds,
  type MetricName,
  metricNames,
  type Network,
  type NetworkName,
} from "./result.js";
import { chooseTrials } from "./trials.js";

/** What no training has seen, and by which no checkpoint was chosen. */
const split = "test" satisfies Split;

export interface EvaluateOptions {
  /** A run folder in which a GAN was trained. */
  run: string;
  /** A prepared folder; its split `test` is used. */
  data: string;
  /** By default all that can be computed with what is there. */
  metrics?: readonly MetricName[] | undefined;
  /** A file with the weights that FID is defined by; images are compared by its features then. */
  inception?: string | undefined;
  /** Another run folder, whose DAMSM, from another seed, judges for R-precision. */
  damsm?: string | undefined;
  /** The run folder that the attribute classifier was trained in; by default the same, where it has one. */
  attributeClassifier?: string | undefined;
  /** Which of the run's checkpoints draws: a step, or "best"; by default the newest model. */
  checkpoint?: CheckpointChoice;
  /** Images to draw, one of each caption. */
  images: number;
  seed: number;
  /** By default a GPU where there is one. */
  device?: Device | undefined;
  onImage?(done: number): void;
}

/**
 * Draws images of captions of unseen images, lets networks look at them and at the real ones, and computes what was
 * asked for. Writes `evaluation.json` and `evaluation.png` into the run folder, and the first also under the name
 * of what it is of into `evaluations/`. Figures that were there already of the same model, data and images stay.
 *
 * @throws UserError, and changes nothing, if model, data or networks are missing or do not fit, a metric that was
 *   asked for cannot be computed, or there are figures of the same name of another model
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const data = openPrepared(options.data);
  try {
    return await evaluateOn(data, options);
  } finally {
    data.close();
  }
}

async function evaluateOn(
  data: Prepared,
  { run, metrics, checkpoint, images, seed, device: asked, onImage, ...networks }: EvaluateOptions,
): Promise<Evaluation> {
  const before = readEvaluation(run);
  const imageGenerator = new ImageGenerator(run, { device: asked, checkpoint: stepOf(run, checkpoint) });
  const { device, checkpoint: drawing } = imageGenerator;
  const { data: trainedOn, damsm } = drawing.hashes;
  const model = { file: relative(run, drawing.file), sha256: sha256Of(drawing.file), data: trainedOn, damsm };
  if (before) requireSameModel(run, before, { step: drawing.step, seed, images, model });
  const size = commonSize(data, imageGenerator.sizes.at(-1)!, run);
  const extractors = openOnlookers(run, { ...networks, data, size, device });
  const trials = chooseTrials(data, split, images, seed);
  refuseImpossible(metrics ?? [], { data, split, extractors, trials });
  const measured = measure({
    ...{ data, split, size, device, extractors, trials, seed, metrics: metrics ?? metricNames },
    draw: (captions, noise) =>
      generateImages(
        imageGenerator.networks,
        captions.map(({ text }, i) => ({ tokens: imageGenerator.read(text).tokens, ...noise[i]! })),
      ).at(-1)!,
    ...(onImage && { onTrial: onImage }),
  });
  if (Object.keys(measured.figures).length === 0)
    throw new UserError(
      `${run}: nothing can be measured: ${measured.leftOut.map(({ metric, why }) => `${metric} ${why}`).join("; ")}`,
      { code: "data.mismatch" },
    );
  const { dir: folder, sha256, source, splits } = data;
  const result: Evaluation = {
    ...{ run: drawing.run, step: drawing.step, seed, model },
    data: { folder, sha256, source, split, images: splits[split].images.length },
    ...{ images: measured.images, realImages: measured.realImages, size },
    networks: networksOf(measured, extractors),
    ...{ figures: measured.figures, leftOut: measured.leftOut },
    sheet: join(run, "evaluation.png"),
  };
  const sheet = await comparisonGrid(imageGenerator, data, split, trials, titleOf(result));
  const whole = before ? withFiguresOf(before, result) : result;
  write(run, whole, sheet);
  return whole;
}

function openOnlookers(
  run: string,
  {
    inception,
    damsm,
    attributeClassifier,
    ...options
  }: Pick<EvaluateOptions, "inception" | "damsm" | "attributeClassifier"> & {
    data: Prepared;
    size: number;
    device: Device;
  },
): FeatureExtractors {
  const classifierRun = attributeClassifierOf(run, attributeClassifier, options.data);
  return {
    inception: inception === undefined ? undefined : inceptionExtractor(inception, options.device),
    attributeClassifier: classifierRun === undefined ? undefined : attributeExtractor(classifierRun, options),
    damsm:
      damsm === undefined ? undefined : independentDamsm(damsm, { model: join(run, modelFile), ...options }),
  };
}

function refuseImpossible(metrics: readonly MetricName[], means: Parameters<typeof lacking>[1]): void {
  for (const metric of metrics) {
    const why = lacking(metric, means);
    if (why !== undefined) throw new UserError(`${metric} ${why}`, { code: "data.mismatch" });
  }
}

/** Those that had a part in a figure. */
function networksOf(
  { figures }: Pick<Evaluation, "figures">,
  extractors: FeatureExtractors,
): Partial<Record<NetworkName, Network>> {
  const used = new Set(Object.values(figures).map(({ network }) => network));
  return Object.fromEntries([...used].map((name) => [name, extractors[name]!.about]));
}

function titleOf({ step, figures }: Evaluation): string {
  const { attributeAccuracy, frechetDistance } = figures;
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
  if (attributeAccuracy) {
    const { generated, real, chance } = attributeAccuracy;
    return (
      `step ${step}: the attribute classifier sees ${percent(generated)} of what unseen captions name ` +
      `(${percent(real!)} in the real images, ${percent(chance!)} by chance)`
    );
  }
  const distance = frechetDistance ? `, Fréchet distance ${frechetDistance.generated.toPrecision(3)}` : "";
  return `step ${step}: captions that were never seen${distance}`;
}

/**
 * Refuses to put figures beside those of another model, or in their place: they are of the same step, seed and number
 * of images, and so have the same name.
 */
function requireSameModel(
  run: string,
  before: Evaluation,
  now: Pick<Evaluation, "step" | "seed" | "images" | "model">,
): void {
  const nameOf = ({ step, seed, images, model }: typeof now) =>
    JSON.stringify([step, seed, images, model.file]);
  if (nameOf(before) !== nameOf(now) || before.model.sha256 === now.model.sha256) return;
  const file = join(run, "evaluation.json");
  throw new UserError(
    `${file}: has figures of another model: ${short(before.model.sha256)} is the SHA-256 that it records of ` +
      `${before.model.file}, and ${join(run, now.model.file)} has ${short(now.model.sha256)}: ` +
      `put that model back, or move ${file} away to evaluate this one`,
  );
}

/** Figures of the same images by the same model that were computed before, and not now. */
function withFiguresOf(before: Evaluation, now: Evaluation): Evaluation {
  const of = ({ step, seed, model, data, images, realImages, size }: Evaluation) =>
    JSON.stringify([step, seed, model.sha256, data.sha256, data.split, images, realImages, size]);
  if (of(before) !== of(now)) return now;
  const same = ([name, { sha256 }]: [string, Network]) =>
    (now.networks[name as NetworkName]?.sha256 ?? sha256) === sha256;
  if (!Object.entries(before.networks).every(same)) return now;
  const figures = inOrder({ ...before.figures, ...now.figures });
  const there = new Set(Object.keys(figures).map((name) => figureKinds[name as FigureName].metric));
  return {
    ...now,
    ...{ figures, networks: { ...before.networks, ...now.networks } },
    leftOut: now.leftOut.filter(({ metric }) => !there.has(metric)),
  };
}

function write(run: string, result: Evaluation, sheet: Buffer): void {
  const json = `${JSON.stringify(result, null, 2)}\n`;
  const folder = join(run, "evaluations");
  const { step, seed, images } = result;
  const name = `step-${String(step).padStart(7, "0")}-seed-${seed}-images-${images}.json`;
  onDisk(folder, () => ensureFolder(folder));
  writeFileAtomic(join(folder, name), json);
  writeFileAtomic(join(run, "evaluation.json"), json);
  writeFileAtomic(result.sheet, sheet);
}
