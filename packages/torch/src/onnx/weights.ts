/** How a model stores its weights. */
import type { Graph } from "./graph.js";

export type WeightPrecision = "float32" | "float16" | "int8";

export function storeWeights(_graph: Graph, precision: WeightPrecision): void {
  if (precision !== "float32") throw new Error(`weights: ${precision}`);
}
