/** Generates images from captions with an exported model, without libtorch. */
import type { EncodedCaption, TokenizerName } from "@sdgan/core";
import { pipeline, type TextToImage } from "@sdgan/pipeline";
import type { GeneratedImage, GenerateOptions, ImageSource } from "./image-source.js";

/** Images of a caption that are in memory at once. */
const AT_ONCE = 16;

/** A model in onnxruntime, as a source of images. */
export class ExportedModel implements ImageSource {
  readonly #model: TextToImage;

  private constructor(model: TextToImage) {
    this.#model = model;
  }

  /**
   * @param model a folder or a URL
   * @param threads to compute with; by default one per core
   * @throws UserError if the model is missing, damaged or not safe to run, or if onnxruntime cannot be loaded
   */
  static async open(
    model: string,
    { threads }: { threads?: number | undefined } = {},
  ): Promise<ExportedModel> {
    return new ExportedModel(
      await pipeline("text-to-image", model, { ...(threads !== undefined && { threads }) }),
    );
  }

  get sizes(): readonly number[] {
    return this.#model.model.sizes.images;
  }

  get maxWords(): number {
    return this.#model.model.sizes.maxWords;
  }

  get tokenizer(): TokenizerName {
    return this.#model.model.tokenizer;
  }

  /** Name and version, as in the PNGs of the pipeline. */
  get origin(): Record<string, string> {
    return { Model: this.#model.version };
  }

  read(caption: string): EncodedCaption {
    return this.#model.read(caption);
  }

  generate(
    captions: readonly string[],
    { seed = 0, count = 1 }: GenerateOptions = {},
  ): AsyncIterable<GeneratedImage> {
    for (const caption of captions) this.read(caption);
    return this.#generateEach(captions, seed, count);
  }

  async *#generateEach(
    captions: readonly string[],
    seed: number,
    count: number,
  ): AsyncGenerator<GeneratedImage> {
    for (const caption of captions)
      for (let first = 1; first <= count; first += AT_ONCE) {
        const some = { seed, first, count: Math.min(AT_ONCE, count - first + 1), stages: true };
        for (const { number, ignored, stages } of await this.#model(caption, some))
          yield { caption, seed, number, ignored, stages: [...stages] };
      }
  }

  /** Frees the model's memory. */
  dispose(): Promise<void> {
    return this.#model.dispose();
  }
}
