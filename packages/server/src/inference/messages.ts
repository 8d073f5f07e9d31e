/** What the server and its inference processes send each other. */
import type { ModelManifest, UserErrorCode } from "@sdgan/core";

/** The first message of a process. */
export type WorkerStart = { models: ServedModel[] } | { refusal: Refusal };

/** What is known about a loaded model. */
export interface ServedModel {
  manifest: ModelManifest;
  /** The first of the words that it knows. */
  words: readonly string[];
}

/** Images of one model with the same outputs, computed together. */
export interface Batch extends Outputs {
  id: number;
  /** The model's place among those of the process. */
  model: number;
  jobs: readonly ImageJob[];
  /** The ends of a way between two images; every job is then a place on it. */
  between?: { from: Endpoint; to: Endpoint } | undefined;
}

/** What is wanted of each image. */
export interface Outputs {
  /** Pixels per side: the size of a stage. */
  size: number;
  stages: boolean;
  attention: boolean;
  modulation: boolean;
}

export interface Endpoint {
  prompt: string;
  seed: number;
}

/** One image that is asked for. */
export interface ImageJob extends Endpoint {
  number: number;
  /** The place on the way, 0 … 1, in batches with `between`. */
  at?: number;
}

/** The answer to a batch: for each job, in order. */
export interface BatchResult {
  id: number;
  results: (ImageResult | { refusal: Refusal })[];
}

export interface ImageResult {
  seed: number;
  number: number;
  /** A PNG with prompt and seed in its text chunks, in base64. */
  png: string;
  /** The images of all stages, small to large, if asked for. */
  stages?: { size: number; png: string }[];
  /**
   * The text of a JSON object: prompt, seed, number, size, ignored words, attention, modulation and shift. As text,
   * because maps are long, and writing them would block the server.
   */
  details: string;
}

/** A `UserError` on its way between processes. */
export interface Refusal {
  message: string;
  code: UserErrorCode;
}
