/** Internals of a generator for one image: word attention, and the modulation of the SCBN layers. */
import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { pixelsOf } from "../compute/images.js";
import type { Generated, Generator } from "../models/generator.js";
import { SemanticConditionedBatchNorm } from "../models/scbn.js";
import { generate } from "./generate.js";
import type { ImageGenerator } from "./image-generator.js";
import type { GeneratedImage } from "./image-source.js";

/** A value for every place of a square map, row by row. */
export interface PlaceMap {
  /** Places per side. */
  size: number;
  /** [size · size] */
  values: Float32Array;
}

/** A generated image with its attention and modulation maps. */
export interface InspectedImage extends GeneratedImage {
  /** The words that were encoded; unknown words are left out. */
  words: string[];
  /** For stages 2, 3, …: the attention of each place to each word, one map per word. */
  attention: PlaceMap[][];
  /**
   * For every SCBN layer, in the order of computation: |γ_c| at each place, averaged over channels. With
   * sentence-level SCBN only, the value is the same for the whole image and the map has size 1.
   */
  modulation: PlaceMap[];
}

/**
 * Generates the first image of a caption, the same as `ImageGenerator.generate`, and records attention and
 * modulation.
 * @throws UserError for a caption without a known word
 */
export function inspect(imageGenerator: ImageGenerator, caption: string, seed = 0): InspectedImage {
  const { networks, vocabulary } = imageGenerator;
  const { tokens, ...ignored } = imageGenerator.read(caption);
  const request = { tokens, seed, number: 1 };
  return inferenceMode(() =>
    scope(() => {
      const { generated, modulation } = recordModulation(networks.generator, () =>
        generate(networks, [request]),
      );
      return {
        ...{ caption, seed, number: 1, ignored, modulation },
        stages: generated.images.map((image) => ({ pixels: pixelsOf(image), size: image.size(2) })),
        words: tokens.map((token) => vocabulary.words[token]!),
        attention: generated.attentions.map(mapsOf),
      };
    }),
  );
}

/** Calls `run`, and records |γ_c| of the generator's SCBN layers for one caption. */
function recordModulation(
  generator: Generator,
  run: () => Generated,
): Pick<InspectedImage, "modulation"> & { generated: Generated } {
  const modulation: PlaceMap[] = [];
  const layers = [...generator.modules()].filter((module) => module instanceof SemanticConditionedBatchNorm);
  for (const layer of layers)
    layer.onModulation = ({ gamma }) => {
      const strength = gamma.to("float32").abs().mean(1); // [1, H, W]
      modulation.push({ size: strength.size(1), values: floats(strength) });
    };
  try {
    return { generated: run(), modulation };
  } finally {
    for (const layer of layers) layer.onModulation = undefined;
  }
}

/** [1, H·W, T] → T maps. */
function mapsOf(attention: Tensor): PlaceMap[] {
  const [, places, words] = attention.shape as [number, number, number];
  const values = floats(attention);
  return Array.from({ length: words }, (_, word) => ({
    size: Math.sqrt(places),
    values: Float32Array.from({ length: places }, (_, place) => values[place * words + word]!),
  }));
}

function floats(values: Tensor): Float32Array {
  return values.to("float32").contiguous().toArray() as Float32Array;
}
