/** What goes on in a generator while it draws: where it looks for each word, and what SCBN makes of the words there. */
import type { Tensor } from "@sdgan/torch";
import type { Generated, Generator } from "../models/generator.js";
import { SemanticConditionedBatchNorm } from "../models/scbn.js";

/** A value for every place of a square, row by row. */
export interface PlaceMap {
  /** Places a side. */
  size: number;
  /** [size · size] */
  values: Float32Array;
}

export interface Examination {
  /** Of stages 2, 3, …: how much each place attends to each word, one map a word. */
  attention: PlaceMap[][];
  /**
   * Of every SCBN in the order of drawing: |γ_c| at each place, a mean over channels. Size 1 where the sentence decides
   * alone, the same for the whole picture.
   */
  modulation: PlaceMap[];
}

/**
 * Draws by `draw` and looks on.
 * @param draw runs `generator` forward for one caption; its tensors must live until this returns
 */
export function examine(generator: Generator, draw: () => Generated): Examination & { generated: Generated } {
  const modulation: PlaceMap[] = [];
  const layers = [...generator.modules()].filter((module) => module instanceof SemanticConditionedBatchNorm);
  for (const layer of layers)
    layer.onModulation = ({ gamma }) => {
      const strength = gamma.to("float32").abs().mean(1); // [1, H, W]
      modulation.push({ size: strength.size(1), values: floats(strength) });
    };
  try {
    const generated = draw();
    return { generated, modulation, attention: generated.attentions.map(mapsOf) };
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
