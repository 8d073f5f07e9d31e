/** The result of an evaluation: the format of `evaluation.json`. */
import type { FigureName, MetricName } from "@sdgan/core/basics";

export interface Figure {
  /** Of generated images. */
  generated: number;
  /** Standard deviation over splits, subsets or repeats. `parts` is their number. */
  deviation?: number;
  /**
   * Of real images: the value that a perfect generator would reach; for `consistencyRatio` that of two real images of
   * one class.
   */
  real?: number;
  /** Expected by chance. */
  chance?: number;
  /** Which of `networks` it was computed with. */
  network: NetworkName;
  /** Sample size: generated images, pairs of them, or named attributes. */
  count: number;
  /** Number of real images used. */
  realCount?: number;
  /** Number of splits, subsets or repeats. */
  parts?: number;
  /** Number of images or captions searched, the right one included. */
  candidates?: number;
  /** Accuracy per attribute. */
  byAttribute?: Record<string, number>;
}

export type NetworkName = "inception" | "attributeClassifier" | "damsm";

/** A feature network of an evaluation. */
export interface Network {
  /** In words: "Inception-v3 of 2015, as FID is defined by". */
  name: string;
  /** The file of its weights. */
  file: string;
  sha256: string;
  /** Which of its activations are the features, in words. */
  features: string;
  /** Width of the features. */
  width: number;
  /** How images are resized to its input size, in words. */
  resize: string;
}

export interface Evaluation {
  /** The run's name. */
  run: string;
  /** Training step of the model. */
  step: number;
  seed: number;
  /**
   * The generator's file in the run folder, and its SHA-256. If the file records what it was trained with:
   * the SHA-256 of the index of its data, and of its DAMSM.
   */
  model: { file: string; sha256: string; data?: string | undefined; damsm?: string | undefined };
  data: {
    folder: string;
    /** SHA-256 of its index. It identifies the data: the folder may have been moved or prepared again. */
    sha256: string;
    /** The source named in its index, for example "birds". */
    source: string;
    /** How the source differs from its usual form, by option: `{ captions: "paraphrases" }`; absent if it does not. */
    variant?: Record<string, string>;
    split: "test";
    /** Number of images of the split. */
    images: number;
  };
  /** Generated images, one per trial. Images for pairs and for other noise are not counted. */
  images: number;
  /** Real images they are compared with. */
  realImages: number;
  /** Size in pixels at which both are compared. */
  size: number;
  networks: Partial<Record<NetworkName, Network>>;
  /** The figures that could be computed, in the order of `figureKinds`. */
  figures: Partial<Record<FigureName, Figure>>;
  /** Metrics that could not be computed, with the reason and what to do about it. */
  leftOut: { metric: MetricName; why: string }[];
  /** Path of the image grid: captions of the test split, real images, and generated images. */
  grid: string;
}

/**
 * Figures that training writes into `metrics.jsonl` and TensorBoard every `evaluate.every` steps, in a line
 * of their own: `{"step":500,"attributeClassifier/attributeAccuracy":0.6,…}`. The name before the slash is
 * the feature network: the attribute classifier of the run folder, or its DAMSM if there is no attribute
 * classifier (then without the attribute accuracy).
 */
export const trainingFigures = [
  "attributeAccuracy",
  "frechetDistance",
  "consistencyRatio",
  "noiseDiversity",
  "variety",
] as const satisfies FigureName[];
