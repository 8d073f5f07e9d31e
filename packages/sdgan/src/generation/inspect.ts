/** What goes on in a generator while it draws: where it looks for each word, and what SCBN makes of the words there. */
import { inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { pixelsOf } from "../compute/images.js";
import type { Generated, Generator } from "../models/generator.js";
import { SemanticConditionedBatchNorm } from "../models/scbn.js";
import { generate } from "./generate.js";
import type { GeneratedImage, ImageGenerator } from "./image-generator.js";

/** A value for every place of a square, row by row. */
export interface PlaceMap {
  /** Places a side. */
  size: number;
  /** [size · size] */
  values: Float32Array;
}

/** An image, with what its generator looked at. */
export interface InspectedImage extends GeneratedImage {
  /** The words that the model read. */
  words: string[];
  /** Of stages 2, 3, …: how much each place attends to each word, one map a word. */
  attention: PlaceMap[][];
  /**
   * Of every SCBN in the order of drawing: |γ_c| at each place, a mean over channels. Size 1 where the sentence decides
   * alone, the same for the whole image.
   */
  modulation: PlaceMap[];
}

/**
 * Draws the first image of a caption, as the image generator's `draw` does, and looks on.
 * @throws UserError for a caption that the model knows no word of
 */
export function inspect(imageGenerator: ImageGenerator, caption: string, seed = 0): InspectedImage {
  const { networks, vocabulary } = imageGenerator;
  const { tokens } = imageGenerator.read(caption);
  const request = { tokens, seed, number: 1 };
  return inferenceMode(() =>
    scope(() => {
      const { generated, modulation } = recordModulation(networks.generator, () =>
        generate(networks, [request]),
      );
      return {
        ...{ caption, seed, number: 1, modulation },
        stages: generated.images.map((image) => ({ pixels: pixelsOf(image), size: image.size(2) })),
        words: tokens.map((token) => vocabulary.words[token]!),
        attention: generated.attentions.map(mapsOf),
      };
    }),
  );
}

/** Does `draw`, and notes what the generator's SCBN layers make of one caption. */
function recordModulation(
  generator: Generator,
  draw: () => Generated,
): Pick<InspectedImage, "modulation"> & { generated: Generated } {
  const modulation: PlaceMap[] = [];
  const layers = [...generator.modules()].filter((module) => module instanceof SemanticConditionedBatchNorm);
  for (const layer of layers)
    layer.onModulation = ({ gamma }) => {
      const strength = gamma.to("float32").abs().mean(1); // [1, H, W]
      modulation.push({ size: strength.size(1), values: floats(strength) });
    };
  try {
    return { generated: draw(), modulation };
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
