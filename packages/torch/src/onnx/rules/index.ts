/** How each operator becomes nodes of ONNX, by the operator's name and overload. */
import type { Rule } from "../lowering.js";
import { attention } from "./attention.js";
import { elementwise } from "./elementwise.js";
import { layers } from "./layers.js";
import { lstm } from "./lstm.js";
import { reductions } from "./reductions.js";
import { shapes } from "./shapes.js";

export const rules: ReadonlyMap<string, Rule> = new Map(
  Object.entries({ ...elementwise, ...reductions, ...shapes, ...layers, ...attention, ...lstm }),
);
