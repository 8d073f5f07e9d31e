/** What runs the models: the pipeline in this browser, or a server. Views know only this interface. */

/** A square image. */
export interface Bitmap {
  /** Pixels per side. */
  size: number;
  /** [size, size, 4] bytes of sRGB. */
  rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** A value for each place of a square map, row by row. */
export interface PlaceMap {
  /** Places per side. */
  size: number;
  values: Float32Array;
}

/** The attention of one stage: a map for each word that the model reads. */
export interface StageAttention {
  size: number;
  words: { word: string; weights: Float32Array }[];
}

/** Words of a prompt that did not affect the image. */
export interface Ignored {
  unknown: string[];
  beyond: string[];
  lost: string[];
}

export interface Generated {
  prompt: string;
  seed: number;
  ignored: Ignored;
  /** Images of the stages, small to large; only the last unless `stages` was asked for. */
  stages: Bitmap[];
  /** For each stage after the first; empty unless `inside` was asked for. */
  attention: StageAttention[];
  /** The mean of |γ_c| for each SCBN layer; empty unless `inside` was asked for, and for models without it. */
  gammas: PlaceMap[];
  /** The same of |β_c|; also empty for models that were exported without it. */
  betas: PlaceMap[];
}

export interface ModelInfo {
  name: string;
  description: string;
  license: string;
  /** Pixels per side of each stage's image; empty if the server does not say. */
  sizes: number[];
  /** The words that it knows; empty if the server does not say. */
  words: string[];
}

export interface GenerateRequest {
  model: string;
  prompt: string;
  /** An image for each. */
  seeds: number[];
  stages?: boolean;
  /** Also attention and modulation. */
  inside?: boolean;
}

export interface End {
  prompt: string;
  seed: number;
}

export interface WalkRequest {
  model: string;
  from: End;
  to: End;
  /** Numbers in 0 … 1, an image for each. */
  at: number[];
}

export interface Calls {
  /** Ends the work, with an AbortError. */
  signal?: AbortSignal;
  /** Called with each image when it is ready, in order. */
  onImage?: (image: Generated, index: number) => void;
}

/** @throws EngineError, and an AbortError if the signal ends the work */
export interface Engine {
  models(): Promise<ModelInfo[]>;
  /** Makes a model ready, so that the first image does not wait for its files. */
  prepare(model: string, onProgress?: (share: number) => void): Promise<void>;
  generate(request: GenerateRequest, calls?: Calls): Promise<Generated[]>;
  walk(request: WalkRequest, calls?: Calls): Promise<Generated[]>;
  /** A PNG with prompt, seed and model in its text chunks. */
  png(model: string, end: End): Promise<Blob>;
}

/** An error whose message is for users, and whose code is for programs. */
export class EngineError extends Error {
  readonly code: string;

  constructor(message: string, code = "unknown") {
    super(message);
    this.name = "EngineError";
    this.code = code;
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
