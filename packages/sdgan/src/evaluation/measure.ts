/** An evaluation of anything that draws captions: what can be measured, measured. */
import { inferenceMode, scope } from "@sdgan/torch";
import type { Prepared } from "../data/prepared.js";
import { split, type Trial } from "./choose.js";
import { type Evidence, figuresOf, scoreSplits, searched } from "./figures.js";
import { type ObserveOptions, type Onlookers, observe } from "./observe.js";
import {
  type Evaluation,
  type Figure,
  type FigureName,
  figureKinds,
  type MetricName,
  type NetworkName,
} from "./result.js";

export interface MeasureOptions
  extends Pick<ObserveOptions, "data" | "draw" | "size" | "device" | "trials" | "onlookers" | "onTrial"> {
  metrics: readonly MetricName[];
  /** Of what a metric draws by chance. */
  seed: number;
}

export type Measured = Pick<Evaluation, "pictures" | "realPictures" | "figures" | "leftOut">;

/** Measures all of `metrics` that can be, and says why the rest cannot. */
export function measure({ metrics, seed, ...options }: MeasureOptions): Measured {
  const { data, trials, onlookers } = options;
  const reasons = metrics.map((metric) => ({ metric, why: lacking(metric, { data, onlookers, trials }) }));
  const leftOut = reasons.flatMap(({ metric, why }) => (why === undefined ? [] : [{ metric, why }]));
  const possible = metrics.filter((metric) => !leftOut.some((other) => other.metric === metric));
  const by = featureNetwork(onlookers);
  const figures = inferenceMode(() =>
    scope((): Partial<Record<FigureName, Figure>> => {
      if (possible.length === 0) return {};
      const diversity = possible.includes("diversity");
      const observations = observe({
        ...{ ...options, onlookers: lookingFor(possible, onlookers) },
        pairs: diversity || possible.includes("consistency") ? by : undefined,
        otherNoise: diversity ? by : undefined,
      });
      const evidence: Evidence = { ...observations, data, onlookers, by: by!, seed };
      return Object.assign({}, ...possible.map((metric) => scope(() => figuresOf[metric](evidence))));
    }),
  );
  return {
    pictures: trials.length,
    realPictures: Math.min(trials.length, data.splits[split].pictures.length),
    figures: inOrder(figures),
    leftOut,
  };
}

/** The network whose features pictures are compared by: Inception where it was named, else what is there. */
export function featureNetwork({ inception, reader, damsm }: Onlookers): NetworkName | undefined {
  return inception ? "inception" : reader ? "reader" : damsm ? "damsm" : undefined;
}

/** Those of the onlookers that these metrics ask. */
function lookingFor(metrics: readonly MetricName[], onlookers: Onlookers): Onlookers {
  const by = featureNetwork(onlookers);
  const asked = new Set(
    metrics.map((metric) => (metric === "rPrecision" ? "damsm" : metric === "readerScore" ? "reader" : by)),
  );
  const { inception, reader, damsm } = onlookers;
  return {
    inception: asked.has("inception") ? inception : undefined,
    reader: asked.has("reader") ? reader : undefined,
    damsm: asked.has("damsm") ? damsm : undefined,
  };
}

interface Means {
  data: Prepared;
  onlookers: Onlookers;
  trials: readonly Trial[];
}

/** What a metric lacks, and what to do about it; undefined where it can be computed. */
export function lacking(metric: MetricName, { data, onlookers, trials }: Means): string | undefined {
  const fewest = fewestPictures[metric];
  const toTestOn = data.splits[split].pictures.length;
  if (toTestOn < fewest && metric !== "inceptionScore")
    return `needs ${fewest} pictures to test on, and ${data.dir} has ${toTestOn}`;
  if (trials.length < fewest) return `needs ${fewest} pictures: give --pictures ${fewest} or more`;
  if (metric === "readerScore") return onlookers.reader ? undefined : withoutReader(data);
  if (metric === "rPrecision") return onlookers.damsm ? withoutOthers(data, trials) : withoutDamsm;
  const by = featureNetwork(onlookers);
  if (by === undefined) return withoutFeatures(data);
  if (metric === "inceptionScore" && !onlookers[by]!.seesClasses)
    return `needs a network that tells classes, which DAMSM does not: ${bring(data)}`;
  if (metric === "consistency" && trials.filter(({ pair }) => pair).length < 2)
    return `needs pictures with two captions or more, which ${data.dir} has not`;
  return undefined;
}

const fewestPictures: Record<MetricName, number> = {
  inceptionScore: scoreSplits,
  frechetDistance: 2,
  kernelDistance: 4,
  precisionRecall: 4,
  rPrecision: 1,
  consistency: 2,
  diversity: 2,
  readerScore: 1,
};

const trainReader = "train a reader (sdgan train reader --config … --data … --run RUN) and give --reader RUN";

function withoutReader({ dir, attributes }: Prepared): string {
  return attributes
    ? `needs a reader: ${trainReader}`
    : `needs pictures whose attributes are known, as of drawn birds; ${dir} has none`;
}

/** Why there is no R-precision where nobody gave a judge. */
export const withoutDamsm =
  "needs a DAMSM from another seed than the generator's: train one (sdgan train damsm --config … --set seed=1 --data … " +
  "--run OTHER) and give --damsm OTHER";

function withoutFeatures(data: Prepared): string {
  return `needs a network to compare pictures by: ${bring(data)}, or give another run's DAMSM: --damsm RUN`;
}

function bring({ attributes }: Prepared): string {
  return `give --inception FILE, the weights that FID is defined by${attributes ? `; or ${trainReader}` : ""}`;
}

/** R-precision takes wrong captions from other classes, of real pictures too, which have one trial each. */
function withoutOthers({ dir, splits }: Prepared, trials: readonly Trial[]): string | undefined {
  const sizes = new Map<number, number>();
  const first = trials.slice(0, splits[split].pictures.length);
  for (const { picture } of first) {
    const { classId } = splits[split].pictures.at(picture);
    sizes.set(classId, (sizes.get(classId) ?? 0) + 1);
  }
  const others = first.length - Math.max(...sizes.values());
  if (others >= searched - 1) return undefined;
  return (
    `needs ${searched - 1} captions of other classes beside each, and of the ${first.length} pictures of ${dir} there ` +
    `are ${others}: give more --pictures, or more data`
  );
}

/** In the order of `figureKinds`; without those that are no number, as diversity is where all pictures are one. */
export function inOrder(figures: Partial<Record<FigureName, Figure>>): Partial<Record<FigureName, Figure>> {
  const names = Object.keys(figureKinds) as FigureName[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const figure = figures[name];
      return figure && Number.isFinite(figure.drawn) ? [[name, figure]] : [];
    }),
  );
}
