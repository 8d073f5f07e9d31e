/** What an evaluation found: the names of its figures, and the shape of `evaluation.json`. */

/** What can be asked for; some give two figures. */
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

/** Every figure: how people call it, which metric it is of, and which direction is better. */
export const figureKinds = {
  inceptionScore: { title: "Inception Score", metric: "inceptionScore", better: "higher" },
  frechetDistance: { title: "Fréchet distance", metric: "frechetDistance", better: "lower" },
  kernelDistance: { title: "kernel distance", metric: "kernelDistance", better: "lower" },
  precision: { title: "precision", metric: "precisionRecall", better: "higher" },
  recall: { title: "recall", metric: "precisionRecall", better: "higher" },
  rPrecision: { title: "R-precision", metric: "rPrecision", better: "higher" },
  consistencyRatio: { title: "consistency: ratio", metric: "consistency", better: "lower" },
  consistencyRetrieval: { title: "consistency: retrieval", metric: "consistency", better: "higher" },
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
  /** "neither" where it should be as the other figures make it. */
  better: "higher" | "lower" | "neither";
}

export interface Figure {
  /** Of generated images. */
  generated: number;
  /** Over splits, subsets or repeats: `parts` says how many. */
  deviation?: number;
  /** The same of real images: what a generator as good as the truth would come to. */
  real?: number;
  /** What chance comes to. */
  chance?: number;
  /** Which of `networks` looked at the images. */
  network: NetworkName;
  /** How many it is of: images generated, pairs of them, or attributes named. */
  count: number;
  /** How many real images have a part in it. */
  realCount?: number;
  /** Splits, subsets or repeats that mean and deviation are of. */
  parts?: number;
  /** Images or captions that the right one was found among, itself included. */
  candidates?: number;
  /** The attribute accuracy, attribute by attribute. */
  byAttribute?: Record<string, number>;
}

export type NetworkName = "inception" | "attributeClassifier" | "damsm";

/** A network that looked at images. */
export interface Network {
  /** In words: "Inception-v3 of 2015, as FID is defined by". */
  name: string;
  /** The file of its weights. */
  file: string;
  sha256: string;
  /** What of it the features are, in words. */
  features: string;
  /** Width of the features. */
  width: number;
  /** How images are brought to the size that it takes, in words. */
  resize: string;
}

export interface Evaluation {
  /** The run's name. */
  run: string;
  /** Training step of the model. */
  step: number;
  seed: number;
  /**
   * The generator's file in the run folder, and its SHA-256; and of what it was trained with, where it records that: of
   * the index of its data, and of its DAMSM.
   */
  model: { file: string; sha256: string; data?: string | undefined; damsm?: string | undefined };
  data: {
    folder: string;
    /** SHA-256 of its index, which decides: the folder may have been moved, or prepared anew. */
    sha256: string;
    /** Its index's source: "birds". */
    source: string;
    split: "test";
    /** All images of the split. */
    images: number;
  };
  /** Images generated, one of each caption; partners of other captions or other noise not counted. */
  images: number;
  /** Real images they are held against. */
  realImages: number;
  /** Pixels a side that both are compared at. */
  size: number;
  networks: Partial<Record<NetworkName, Network>>;
  /** Those that could be computed, in the order of `figureKinds`. */
  figures: Partial<Record<FigureName, Figure>>;
  /** Metrics that could not be computed, and what to do about it. */
  leftOut: { metric: MetricName; why: string }[];
  /** The sheet: captions that were never seen, images generated from them, and the real ones. */
  sheet: string;
}

/**
 * Figures that training writes into `metrics.jsonl` and TensorBoard every `evaluate.every` steps, in a line of their
 * own: `{"step":500,"attributeClassifier/attributeAccuracy":0.6,…}`. Before the slash stands the network that looked: the run folder's
 * attribute classifier, or its DAMSM where there is no attribute classifier (then without the attribute accuracy).
 */
export const trainingFigures = [
  "attributeAccuracy",
  "frechetDistance",
  "consistencyRatio",
  "noiseDiversity",
  "variety",
] as const satisfies FigureName[];
