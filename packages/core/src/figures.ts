/** What evaluations measure: names, titles and order of the figures, and where a training's measurements are shown. */

/** Metrics that can be requested; some give several figures. */
export const metricNames = [
  "inceptionScore",
  "frechetDistance",
  "kernelDistance",
  "precisionRecall",
  "rPrecision",
  "consistency",
  "diversity",
  "attributeAccuracy",
] as const;
export type MetricName = (typeof metricNames)[number];

/** Every figure: its title, its metric, and which direction is better. */
export const figureKinds = {
  inceptionScore: { title: "Inception Score", metric: "inceptionScore", better: "higher" },
  frechetDistance: { title: "Fréchet distance", metric: "frechetDistance", better: "lower" },
  kernelDistance: { title: "kernel distance", metric: "kernelDistance", better: "lower" },
  precision: { title: "precision", metric: "precisionRecall", better: "higher" },
  recall: { title: "recall", metric: "precisionRecall", better: "higher" },
  rPrecision: { title: "R-precision", metric: "rPrecision", better: "higher" },
  consistencyRatio: { title: "consistency: ratio", metric: "consistency", better: "lower" },
  // One caption twice, with one z and two ε: what conditioning augmentation alone changes. Its ceiling is 1.
  sameCaptionRatio: { title: "consistency: same caption, other ε", metric: "consistency", better: "neither" },
  consistencyRetrieval: { title: "consistency: retrieval", metric: "consistency", better: "higher" },
  languageRatio: { title: "consistency across languages: ratio", metric: "consistency", better: "lower" },
  languageRetrieval: {
    title: "consistency across languages: retrieval",
    metric: "consistency",
    better: "higher",
  },
  noiseDiversity: { title: "diversity: of noise", metric: "diversity", better: "higher" },
  wordDiversity: { title: "diversity: of words", metric: "diversity", better: "higher" },
  variety: { title: "variety", metric: "diversity", better: "higher" },
  attributeAccuracy: { title: "attribute accuracy", metric: "attributeAccuracy", better: "higher" },
  otherCaptionsAccuracy: {
    title: "attribute accuracy: other captions",
    metric: "attributeAccuracy",
    better: "neither",
  },
} as const satisfies Record<string, FigureKind>;
export type FigureName = keyof typeof figureKinds;

export interface FigureKind {
  title: string;
  metric: MetricName;
  /** "neither" if neither direction is better. */
  better: "higher" | "lower" | "neither";
}

/** The title of a figure, with an arrow in the better direction. */
export function figureTitle(name: FigureName): string {
  const { title, better } = figureKinds[name];
  return title + { higher: " ↑", lower: " ↓", neither: "" }[better];
}

/** Where a curve of `metrics.jsonl` is shown. */
export interface MeasurementPlace {
  /** The title of its chart. */
  chart: string;
  /** Its name in the chart's legend. */
  curve: string;
  /** The order of charts. */
  order: number;
}

/**
 * The place of a measurement that a GAN's training takes beside its losses: a figure of an evaluation has a chart with a
 * curve per feature network (`damsm/frechetDistance`), the discriminators' answers have a chart per stage
 * (`overfitting/stage1/val`), and their ratios another one. Undefined for losses.
 */
export function measurementPlace(name: string): MeasurementPlace | undefined {
  const [first = "", second = "", third = ""] = name.split("/");
  if (first === "overfitting") {
    const stage = second.replace(/^stage/, "stage ");
    if (third === "ratio") return { chart: "overfitting: ratio ↓", curve: stage, order: RATIO };
    const curve = { train: "training images", val: "validation images", fake: "generated images" }[third];
    return { chart: `D's logits, ${stage}`, curve: curve ?? third, order: RATIO + Number(second.slice(5)) };
  }
  const order = Object.keys(figureKinds).indexOf(second);
  if (order < 0 || third !== "") return undefined;
  return { chart: figureTitle(second as FigureName), curve: first, order };
}

/** After all figures. */
const RATIO = Object.keys(figureKinds).length;
