/** Evaluates any function that generates images from captions. */

import { type FigureName, figureKinds, type MetricName } from "@sdgan/core";
import { inferenceMode, scope } from "@sdgan/torch";
import type { Split } from "../data/dataset.js";
import type { Prepared } from "../data/prepared.js";
import { type ExtractOptions, extractParts, type FeatureExtractors, joinParts } from "./extract-features.js";
import { type Evidence, figuresOf, scoreSplits, searched } from "./figures.js";
import type { Evaluation, Figure, NetworkName } from "./result.js";
import type { Trial } from "./trials.js";

export interface MeasureOptions
  extends Pick<
    ExtractOptions,
    | "data"
    | "split"
    | "generate"
    | "size"
    | "device"
    | "trials"
    | "extractors"
    | "share"
    | "realFeatures"
    | "onTrial"
  > {
  metrics: readonly MetricName[];
  /** The figures of these metrics that are wanted, so that fewer images are generated; by default all. */
  wanted?: readonly FigureName[];
  /** Seed of the metrics' random choices. */
  seed: number;
}

export type Measured = Pick<Evaluation, "images" | "realImages" | "figures" | "leftOut">;

/**
 * Computes those of `metrics` that can be computed, and reports why the others cannot. Of several processes that share the
 * work, only the first one has figures.
 */
export async function measure({ metrics, wanted, seed, ...options }: MeasureOptions): Promise<Measured> {
  const { data, split, trials, extractors } = options;
  const reasons = metrics.map((metric) => ({
    metric,
    why: lacking(metric, { data, split, extractors, trials }),
  }));
  const leftOut = reasons.flatMap(({ metric, why }) => (why === undefined ? [] : [{ metric, why }]));
  const possible = metrics.filter((metric) => !leftOut.some((other) => other.metric === metric));
  const by = featureNetwork(extractors);
  const diversity = possible.includes("diversity");
  const consistency = possible.includes("consistency");
  const wants = (name: FigureName) => consistency && (!wanted || wanted.includes(name));
  const parts =
    possible.length > 0 &&
    (await extractParts({
      ...{ ...options, extractors: neededExtractors(possible, extractors) },
      pairs: diversity || consistency ? by : undefined,
      sameCaption: wants("sameCaptionRatio") ? by : undefined,
      translations: wants("languageRatio") || wants("languageRetrieval") ? by : undefined,
      otherNoise: diversity ? by : undefined,
    }));
  const figures = inferenceMode(() =>
    scope((): Partial<Record<FigureName, Figure>> => {
      if (!parts) return {};
      const evidence: Evidence = { ...joinParts(parts, trials), data, split, extractors, by: by!, seed };
      return Object.assign({}, ...possible.map((metric) => scope(() => figuresOf[metric](evidence))));
    }),
  );
  return {
    images: trials.length,
    realImages: Math.min(trials.length, data.splits[split].images.length),
    figures: inOrder(figures),
    leftOut,
  };
}

/** The network whose features are compared: Inception if given, else the attribute classifier, else DAMSM. */
function featureNetwork({
  inception,
  attributeClassifier,
  damsm,
}: FeatureExtractors): NetworkName | undefined {
  return inception ? "inception" : attributeClassifier ? "attributeClassifier" : damsm ? "damsm" : undefined;
}

/** The feature extractors that these metrics need. */
function neededExtractors(metrics: readonly MetricName[], extractors: FeatureExtractors): FeatureExtractors {
  const by = featureNetwork(extractors);
  const needed = new Set(
    metrics.map((metric) =>
      metric === "rPrecision" ? "damsm" : metric === "attributeAccuracy" ? "attributeClassifier" : by,
    ),
  );
  const { inception, attributeClassifier, damsm } = extractors;
  return {
    inception: needed.has("inception") ? inception : undefined,
    attributeClassifier: needed.has("attributeClassifier") ? attributeClassifier : undefined,
    damsm: needed.has("damsm") ? damsm : undefined,
  };
}

interface Available {
  data: Prepared;
  split: Split;
  extractors: FeatureExtractors;
  trials: readonly Trial[];
}

/** Why a metric cannot be computed, and what to do about it; undefined if it can. */
export function lacking(metric: MetricName, available: Available): string | undefined {
  const { data, split, extractors, trials } = available;
  const fewest = fewestImages[metric];
  const { length } = data.splits[split].images;
  if (length < fewest && metric !== "inceptionScore")
    return `needs ${fewest} images in the split ${split}, and ${data.dir} has ${length}`;
  if (trials.length < fewest) return `needs ${fewest} images: give --images ${fewest} or more`;
  if (metric === "attributeAccuracy")
    return extractors.attributeClassifier ? undefined : withoutClassifier(data);
  if (metric === "rPrecision") return extractors.damsm ? withoutOthers(available) : withoutDamsm;
  const by = featureNetwork(extractors);
  if (by === undefined) return withoutFeatures(data);
  if (metric === "inceptionScore" && !extractors[by]!.hasClasses)
    return `needs a network that predicts classes, which DAMSM does not: ${remedy(data)}`;
  if (metric === "consistency" && trials.slice(0, length).filter(({ pair }) => pair).length < 2)
    return `needs 2 images with two captions or more; fewer were chosen from ${data.dir}`;
  return undefined;
}

const fewestImages: Record<MetricName, number> = {
  inceptionScore: scoreSplits,
  frechetDistance: 2,
  kernelDistance: 4,
  precisionRecall: 4,
  rPrecision: 1,
  consistency: 2,
  diversity: 2,
  attributeAccuracy: 1,
};

const trainClassifier =
  "train an attribute classifier (sdgan train attribute-classifier --config … --data … --run RUN) and give --attribute-classifier RUN";

function withoutClassifier({ dir, attributes }: Prepared): string {
  return attributes
    ? `needs an attribute classifier: ${trainClassifier}`
    : `needs images with known attributes, such as the built-in birds; ${dir} has none`;
}

/** Why R-precision cannot be computed without a second DAMSM. */
export const withoutDamsm =
  "needs a DAMSM from another seed than the generator's: train one (sdgan train damsm --config … --set seed=1 --data … " +
  "--run OTHER) and give --damsm OTHER";

function withoutFeatures(data: Prepared): string {
  return `needs a feature network to compare images: ${remedy(data)}, or give another run's DAMSM: --damsm RUN`;
}

function remedy({ attributes }: Prepared): string {
  return `give --inception FILE, the weights that FID is defined by${attributes ? `; or ${trainClassifier}` : ""}`;
}

/**
 * R-precision compares with captions of other classes. Real images, one per trial, limit how many there are.
 */
function withoutOthers({ data: { dir, splits }, split, trials }: Available): string | undefined {
  const sizes = new Map<number, number>();
  const first = trials.slice(0, splits[split].images.length);
  for (const { image } of first) {
    const { classId } = splits[split].images.at(image);
    sizes.set(classId, (sizes.get(classId) ?? 0) + 1);
  }
  const others = first.length - Math.max(...sizes.values());
  if (others >= searched - 1) return undefined;
  return (
    `needs ${searched - 1} captions of other classes for every image, and the ${first.length} images of ${dir} have ` +
    `${others} for the largest class: give more --images, or more data`
  );
}

/**
 * Figures in the order of `figureKinds`. NaN and ∞ are left out, such as diversity if all images are equal.
 */
export function inOrder(figures: Partial<Record<FigureName, Figure>>): Partial<Record<FigureName, Figure>> {
  const names = Object.keys(figureKinds) as FigureName[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const figure = figures[name];
      return figure && Number.isFinite(figure.generated) ? [[name, figure]] : [];
    }),
  );
}
