/** Evaluates a run: compares images of its averaged generator with real images of the test split. */

import { join, relative } from "node:path";
import { type FigureName, figureKinds, type MetricName, metricNames, UserError } from "@sdgan/core";
import { attributeClassifierOf } from "../artifacts/attribute-classifier.js";
import { modelFile } from "../artifacts/model.js";
import type { Device } from "../compute/device.js";
import type { Split } from "../data/dataset.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import type { Processes } from "../distributed/processes.js";
import { sharedWork } from "../distributed/work-share.js";
import { generateImages } from "../generation/generate.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { short } from "../run/dependencies.js";
import { sha256Of } from "../util/sha256.js";
import { type CheckpointChoice, stepOf } from "./best-checkpoint.js";
import { commonSize } from "./common-size.js";
import { comparisonGrid } from "./comparison-grid.js";
import type { FeatureExtractors } from "./extract-features.js";
import { inOrder, lacking, measure } from "./measure.js";
import { attributeExtractor } from "./networks/attribute-classifier.js";
import { independentDamsm } from "./networks/damsm.js";
import { inceptionExtractor } from "./networks/inception.js";
import { readEvaluation } from "./read-evaluation.js";
import type { Evaluation, Network, NetworkName } from "./result.js";
import { chooseTrials } from "./trials.js";
import { requireWritable, resultFiles, writeResult } from "./write-result.js";

export { NotWritten } from "./write-result.js";

/** Not used in training, nor for the choice of a checkpoint. */
const split = "test" satisfies Split;

export interface EvaluateOptions {
  /** A run folder in which a GAN was trained. */
  run: string;
  /** A prepared folder; its split `test` is used. */
  data: string;
  /** By default all metrics that can be computed with the given data and networks. */
  metrics?: readonly MetricName[] | undefined;
  /**
   * A file with the Inception weights that FID is defined by. If given, images are compared by its features.
   */
  inception?: string | undefined;
  /** Another run folder, whose DAMSM (trained from another seed) computes R-precision. */
  damsm?: string | undefined;
  /** The run folder of the attribute classifier; by default `run`, if it has one. */
  attributeClassifier?: string | undefined;
  /** The checkpoint that generates: a step, or "best"; by default the newest model. */
  checkpoint?: CheckpointChoice;
  /** Number of images to generate, one per caption. */
  images: number;
  seed: number;
  /** By default a GPU if there is one. */
  device?: Device | undefined;
  /** The processes that evaluate together, all of which call this; by default this one alone. */
  processes?: Processes | undefined;
  onImage?(done: number): void;
  /** Called with what to install if no font has some characters of the captions on the image grid. */
  onMissingFont?(advice: string): void;
}

/**
 * Generates images from captions of the test split, extracts features of generated and real images, and
 * computes the metrics. Writes `evaluation.json` and `evaluation.png` into the run folder, and the JSON also
 * into `evaluations/`, named by step, seed and number of images. Earlier figures of the same model, data and
 * images are kept. Of several processes, only the first one writes; the others have a result without figures.
 *
 * @throws UserError, without changing any file, if model, data or networks are missing or do not match, if a
 *   requested metric cannot be computed, if `evaluation.json` has figures of another model with the same
 *   step, seed and number of images, or if the results cannot be written. This is tried before anything is
 *   measured; if writing fails afterwards, the error is a `NotWritten`, which has the result
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
  {
    run,
    metrics,
    checkpoint,
    images,
    seed,
    device: requestedDevice,
    processes,
    onImage,
    onMissingFont,
    ...networks
  }: EvaluateOptions,
): Promise<Evaluation> {
  const before = readEvaluation(run);
  const imageGenerator = new ImageGenerator(run, {
    device: requestedDevice,
    checkpoint: stepOf(run, checkpoint),
  });
  const { device, checkpoint: generating } = imageGenerator;
  const { data: trainedOn, damsm } = generating.hashes;
  const model = {
    ...{ file: relative(run, generating.file), sha256: sha256Of(generating.file) },
    ...{ data: trainedOn, damsm },
  };
  if (before) requireSameModel(run, before, { step: generating.step, seed, images, model });
  const size = commonSize(data, imageGenerator.sizes.at(-1)!, run);
  const extractors = openExtractors(run, { ...networks, data, size, device });
  const trials = chooseTrials(data, split, images, seed);
  requireTestImages(data);
  refuseImpossible(metrics ?? [], { data, split, extractors, trials });
  requireNetwork(run, data, extractors);
  const files = resultFiles(run, { step: generating.step, seed, images: trials.length });
  const writes = !processes || processes.isFirst;
  if (writes) requireWritable(files);
  if (processes) {
    const chosen = { seed, images: trials.length, metrics: metrics?.join() };
    await requireSameInputs(run, processes, { ...chosen, model, data, extractors });
  }
  const measured = await measure({
    ...{ data, split, size, device, extractors, trials, seed, metrics: metrics ?? metricNames },
    share: processes && sharedWork(processes),
    generate: (captions, noise) =>
      generateImages(
        imageGenerator.networks,
        captions.map(({ text }, i) => ({ tokens: imageGenerator.read(text).tokens, ...noise[i]! })),
      ).at(-1)!,
    ...(onImage && { onTrial: onImage }),
  });
  if (writes && Object.keys(measured.figures).length === 0)
    throw new UserError(`${run}: nothing can be measured: ${reasonsOf(measured.leftOut)}`, {
      code: "data.mismatch",
    });
  const { dir: folder, sha256, source, variant, splits } = data;
  const result: Evaluation = {
    ...{ run: generating.run, step: generating.step, seed, model },
    data: {
      ...{ folder, sha256, source, ...(variant && { variant }) },
      ...{ split, images: splits[split].images.length },
    },
    ...{ images: measured.images, realImages: measured.realImages, size },
    networks: networksOf(measured, extractors),
    ...{ figures: measured.figures, leftOut: measured.leftOut },
    grid: files.grid,
  };
  if (!writes) return result;
  const grid = await comparisonGrid(imageGenerator, data, split, trials, {
    title: titleOf(result),
    onMissingFont: (advice) => onMissingFont?.(`${files.grid} ${advice}`),
  });
  const whole = before ? withFiguresOf(before, result) : result;
  writeResult(files, whole, grid);
  return whole;
}

/** What has to be the same in all processes. */
interface SharedInputs {
  model: Evaluation["model"];
  data: Prepared;
  extractors: FeatureExtractors;
  seed: number;
  images: number;
  metrics: string | undefined;
}

/** @throws UserError in a process that does not evaluate what process 0 evaluates */
async function requireSameInputs(
  run: string,
  processes: Processes,
  { model, data, extractors, ...chosen }: SharedInputs,
): Promise<void> {
  const networks = Object.entries(extractors).map(([name, network]) => [name, network?.about.sha256]);
  const own = { ...chosen, model: model.sha256, data: data.sha256, ...Object.fromEntries(networks) };
  await processes.meet(); // All have read their inputs.
  const first = processes.fromFirst<Record<string, string | number>>(own);
  const differing = Object.keys({ ...own, ...first }).filter((name) => own[name] !== first[name]);
  if (differing.length === 0) return;
  throw new UserError(
    `${run}: process ${processes.rank} evaluates with other files or options than process 0 (${differing.join(", ")}): give all ` +
      "processes the same",
    { code: "data.mismatch" },
  );
}

/** @throws UserError if there is nothing to compare with */
function requireTestImages({ dir, splits }: Prepared): void {
  if (splits[split].images.length > 0) return;
  throw new UserError(
    `${dir}: has no images in the split ${split}, which evaluation uses: prepare the data again; sdgan prepare sets some ` +
      "aside if the data has no such split and at least two images",
    { code: "data.mismatch" },
  );
}

/** @throws UserError with the command that trains one, if no feature network is given or in the run folder */
function requireNetwork(run: string, { dir }: Prepared, extractors: FeatureExtractors): void {
  if (Object.values(extractors).some((extractor) => extractor !== undefined)) return;
  throw new UserError(
    `${run}: there is no feature network to measure with. This trains a DAMSM of another seed on the same data, and ` +
      `measures with it: npx sdgan evaluate --run ${run} --data ${dir} --train-damsm`,
    { code: "file.missing" },
  );
}

/** Every reason once, with the metrics that it holds for. */
function reasonsOf(leftOut: Evaluation["leftOut"]): string {
  const reasons = new Map<string, MetricName[]>();
  for (const { metric, why } of leftOut) reasons.set(why, [...(reasons.get(why) ?? []), metric]);
  return Array.from(reasons, ([why, names]) => `${names.join(", ")} ${why}`).join("; ");
}

function openExtractors(
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

/** The networks that a figure was computed with. */
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
      `step ${step}: attribute accuracy ${percent(generated)} on captions of the test split ` +
      `(${percent(real!)} for the real images, ${percent(chance!)} by chance)`
    );
  }
  const distance = frechetDistance ? `, Fréchet distance ${frechetDistance.generated.toPrecision(3)}` : "";
  return `step ${step}: captions of the test split${distance}`;
}

/**
 * Refuses to merge with or replace figures of another model that have the same step, seed and number of
 * images, and so the same file name.
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
    `${file}: has figures of another model: it records the SHA-256 ${short(before.model.sha256)} of ` +
      `${before.model.file}, and ${join(run, now.model.file)} has ${short(now.model.sha256)}: ` +
      `restore that model, or move ${file} away to evaluate this one`,
    { code: "checkpoint.mismatch" },
  );
}

/** Adds earlier figures of the same model, data and images that were not computed again. */
function withFiguresOf(before: Evaluation, now: Evaluation): Evaluation {
  const of = ({ step, seed, model, data, images, realImages, size }: Evaluation) =>
    JSON.stringify([step, seed, model.sha256, data.sha256, data.split, images, realImages, size]);
  if (of(before) !== of(now)) return now;
  const same = ([name, { sha256 }]: [string, Network]) =>
    (now.networks[name as NetworkName]?.sha256 ?? sha256) === sha256;
  if (!Object.entries(before.networks).every(same)) return now;
  const figures = inOrder({ ...before.figures, ...now.figures });
  const available = new Set(Object.keys(figures).map((name) => figureKinds[name as FigureName].metric));
  return {
    ...now,
    ...{ figures, networks: { ...before.networks, ...now.networks } },
    leftOut: now.leftOut.filter(({ metric }) => !available.has(metric)),
  };
}
