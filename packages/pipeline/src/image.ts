import { type Ignored, UserError } from "@sdgan/core";
import { encodePng } from "./png.js";

/** An element in a page or an `OffscreenCanvas`. The type has no members where the program has no types of browsers. */
export type Canvas = Instance<"HTMLCanvasElement"> | Instance<"OffscreenCanvas">;

type Instance<Name extends string> =
  typeof globalThis extends Record<Name, { prototype: infer Type }> ? Type : never;

/** A square image of one stage. */
export class StageImage {
  /** Pixels per side. */
  readonly size: number;
  /** [size, size, 3] bytes of sRGB. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly #texts: Record<string, string>;

  /** @param texts for the PNG, keyword → text */
  constructor(pixels: Uint8Array<ArrayBuffer>, size: number, texts: Record<string, string>) {
    this.pixels = pixels;
    this.size = size;
    this.#texts = texts;
  }

  /** [size, size, 4] bytes, opaque, as a canvas takes them. */
  toRgba(): Uint8ClampedArray<ArrayBuffer> {
    const rgba = new Uint8ClampedArray(this.size * this.size * 4).fill(255);
    for (let i = 0; i < this.size * this.size; i++) rgba.set(this.pixels.subarray(i * 3, i * 3 + 3), i * 4);
    return rgba;
  }

  /**
   * Shows the image in `canvas`, whose size becomes the image's, or in a new canvas: an element in a page, an
   * `OffscreenCanvas` in a worker.
   * @throws UserError `device.unavailable` where there are no canvases, as in Node
   */
  toCanvas<Target extends Canvas>(canvas?: Target): Target {
    const target = canvas ?? (newCanvas(this.size) as Target);
    target.width = this.size;
    target.height = this.size;
    const context = target.getContext("2d") as Context | null;
    if (!context)
      throw new UserError("The canvas has a context of another kind than 2d; expected a fresh canvas.");
    context.putImageData(new ImageData(this.toRgba(), this.size, this.size), 0, 0);
    return target;
  }

  /** A PNG with prompt, seed and model in its text chunks. */
  async toPng(): Promise<Uint8Array<ArrayBuffer>> {
    return encodePng(this.pixels, this.size, this.#texts);
  }

  /** The same PNG as a blob of the type image/png. */
  async toBlob(): Promise<Blob> {
    return new Blob([await this.toPng()], { type: "image/png" });
  }
}

/** How much each place of a stage's hidden image attends to each word. */
export interface WordAttention {
  /** Places per side: those of the stage before. */
  size: number;
  /** For each word that the model reads, in order: [size, size] weights. The weights of a place add up to 1. */
  words: { word: string; weights: Float32Array<ArrayBuffer> }[];
}

/** A value for each place of a square map. */
export interface PlaceMap {
  /** Places per side. */
  size: number;
  /** [size, size] */
  values: Float32Array<ArrayBuffer>;
}

/** What was computed beside the images. */
interface Inside {
  attention: readonly WordAttention[];
  modulation: readonly PlaceMap[];
  shift: readonly PlaceMap[];
}

/** A generated image: that of the last stage. */
export class GeneratedImage extends StageImage {
  readonly prompt: string;
  readonly seed: number;
  /** Number among the prompt's images: 1, 2, … */
  readonly number: number;
  /** The words of the prompt that did not affect the image: unknown, after the limit, or dropped by the tokenizer. */
  readonly ignored: Ignored;
  /** The image of every stage, small to large, if `stages` was asked for; else only the last. */
  readonly stages: readonly StageImage[];
  /** The attention of each stage after the first, if `attention` was asked for; else empty. */
  readonly attention: readonly WordAttention[];
  /**
   * If `modulation` was asked for, for each SCBN layer in the order of computation the mean of |γ_c| over channels; its
   * size is 1 where γ_c is the same for the whole image. Empty for models without SCBN.
   */
  readonly modulation: readonly PlaceMap[];
  /** The same of |β_c|. Also empty for models that were exported without β_c. */
  readonly shift: readonly PlaceMap[];

  constructor(
    { prompt, seed, number, ignored }: { prompt: string; seed: number; number: number; ignored: Ignored },
    images: readonly { pixels: Uint8Array<ArrayBuffer>; size: number }[],
    { attention, modulation, shift }: Inside,
    texts: Record<string, string>,
  ) {
    const { pixels, size } = images.at(-1)!;
    super(pixels, size, texts);
    this.prompt = prompt;
    this.seed = seed;
    this.number = number;
    this.ignored = ignored;
    this.stages = [
      ...images.slice(0, -1).map((image) => new StageImage(image.pixels, image.size, texts)),
      this,
    ];
    this.attention = attention;
    this.modulation = modulation;
    this.shift = shift;
  }
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

function newCanvas(size: number): HTMLCanvasElement | OffscreenCanvas {
  if (typeof document !== "undefined") return document.createElement("canvas");
  if (typeof OffscreenCanvas !== "undefined") return new OffscreenCanvas(size, size);
  throw new UserError("There are no canvases here. Use toPng, toBlob or pixels.", {
    code: "device.unavailable",
  });
}
