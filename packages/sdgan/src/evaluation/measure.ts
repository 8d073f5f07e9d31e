/** An evaluation of anything that draws captions: what can be measured, measured. */
import { inferenceMode, scope } from "@sdgan/torch";
import type { Split } from "../data/dataset.js";
import type { Prepared } from "../data/prepared.js";
import { type ExtractOptions, extractFeatures, type FeatureExtractors } from "./extract-features.js";
import { type Evidence, figuresOf, scoreSplits, searched } from "./figures.js";
import {
  type Evaluation,
  type Figure,
  type FigureName,
  figureKinds,
  type MetricName,
  type NetworkName,
} from "./result.js";
import type { Trial } from "./trials.js";

export interface MeasureOptions
  extends Pick<
    ExtractOptions,
    "data" | "split" | "draw" | "size" | "device" | "trials" | "extractors" | "onTrial"
  > {
  metrics: readonly MetricName[];
  /** Of what a metric draws by chance. */
  seed: number;
}

export type Measured = Pick<Evaluation, "images" | "realImages" | "figures" | "leftOut">;

/** Measures all of `metrics` that can be, and says why the rest cannot. */
export function measure({ metrics, seed, ...options }: MeasureOptions): Measured {
  const { data, split, trials, extractors } = options;
  const reasons = metrics.map((metric) => ({
    metric,
    why: lacking(metric, { data, split, extractors, trials }),
  }));
  const leftOut = reasons.flatMap(({ metric, why }) => (why === undefined ? [] : [{ metric, why }]));
  const possible = metrics.filter((metric) => !leftOut.some((other) => other.metric === metric));
  const by = featureNetwork(extractors);
  const figures = inferenceMode(() =>
    scope((): Partial<Record<FigureName, Figure>> => {
      if (possible.length === 0) return {};
      const diversity = possible.includes("diversity");
      const observations = extractFeatures({
        ...{ ...options, extractors: lookingFor(possible, extractors) },
        pairs: diversity || possible.includes("consistency") ? by : undefined,
        otherNoise: diversity ? by : undefined,
      });
      const evidence: Evidence = { ...observations, data, split, extractors, by: by!, seed };
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

/** The network whose features images are compared by: Inception where it was named, else what is there. */
export function featureNetwork({
  inception,
  attributeClassifier,
  damsm,
}: FeatureExtractors): NetworkName | undefined {
  return inception ? "inception" : attributeClassifier ? "attributeClassifier" : damsm ? "damsm" : undefined;
}

/** Those of the feature extractors that these metrics ask. */
function lookingFor(metrics: readonly MetricName[], extractors: FeatureExtractors): FeatureExtractors {
  const by = featureNetwork(extractors);
  const asked = new Set(
    metrics.map((metric) =>
      metric === "rPrecision" ? "damsm" : metric === "attributeAccuracy" ? "attributeClassifier" : by,
    ),
  );
  const { inception, attributeClassifier, damsm } = extractors;
  return {
    inception: asked.has("inception") ? inception : undefined,
    attributeClassifier: asked.has("attributeClassifier") ? attributeClassifier : undefined,
    damsm: asked.has("damsm") ? damsm : undefined,
  };
}

interface Means {
  data: Prepared;
  split: Split;
  extractors: FeatureExtractors;
  trials: readonly Trial[];
}

/** What a metric lacks, and what to do about it; undefined where it can be computed. */
export function lacking(metric: MetricName, means: Means): string | undefined {
  const { data, split, extractors, trials } = means;
  const fewest = fewestImages[metric];
  const { length } = data.splits[split].images;
  if (length < fewest && metric !== "inceptionScore")
    return `needs ${fewest} images ${purposes[split]}, and ${data.dir} has ${length}`;
  if (trials.length < fewest) return `needs ${fewest} images: give --images ${fewest} or more`;
  if (metric === "attributeAccuracy") return extractors.attributeClassifier ? undefined : withoutReader(data);
  if (metric === "rPrecision") return extractors.damsm ? withoutOthers(means) : withoutDamsm;
  const by = featureNetwork(extractors);
  if (by === undefined) return withoutFeatures(data);
  if (metric === "inceptionScore" && !extractors[by]!.seesClasses)
    return `needs a network that tells classes, which DAMSM does not: ${bring(data)}`;
  if (metric === "consistency" && trials.filter(({ pair }) => pair).length < 2)
    return `needs images with two captions or more, which ${data.dir} has not`;
  return undefined;
}

const purposes: Record<Split, string> = {
  train: "to train on",
  val: "to validate on",
  test: "to test on",
};

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
  "train an attribute classifier (sdgan train attribute classifier --config … --data … --run RUN) and give --attribute-classifier RUN";

function withoutReader({ dir, attributes }: Prepared): string {
  return attributes
    ? `needs an attribute classifier: ${trainClassifier}`
    : `needs images whose attributes are known, as of generated birds; ${dir} has none`;
}

/** Why there is no R-precision where nobody gave a judge. */
export const withoutDamsm =
  "needs a DAMSM from another seed than the generator's: train one (sdgan train damsm --config … --set seed=1 --data … " +
  "--run OTHER) and give --damsm OTHER";

function withoutFeatures(data: Prepared): string {
  return `needs a network to compare images by: ${bring(data)}, or give another run's DAMSM: --damsm RUN`;
}

function bring({ attributes }: Prepared): string {
  return `give --inception FILE, the weights that FID is defined by${attributes ? `; or ${trainClassifier}` : ""}`;
}

/** R-precision takes wrong captions from other classes, of real images too, which have one trial each. */
function withoutOthers({ data: { dir, splits }, split, trials }: Means): string | undefined {
  const sizes = new Map<number, number>();
  const first = trials.slice(0, splits[split].images.length);
  for (const { image } of first) {
    const { classId } = splits[split].images.at(image);
    sizes.set(classId, (sizes.get(classId) ?? 0) + 1);
  }
  const others = first.length - Math.max(...sizes.values());
  if (others >= searched - 1) return undefined;
  return (
    `needs ${searched - 1} captions of other classes beside each, and of the ${first.length} images of ${dir} there ` +
    `are ${others}: give more --images, or more data`
  );
}

/** In the order of `figureKinds`; without those that are no number, as diversity is where all images are one. */
export function inOrder(figures: Partial<Record<FigureName, Figure>>): Partial<Record<FigureName, Figure>> {
  const names = Object.keys(figureKinds) as FigureName[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const figure = figures[name];
      return figure && Number.isFinite(figure.generated) ? [[name, figure]] : [];
    }),
  );
}
