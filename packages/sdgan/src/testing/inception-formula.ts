/** Inception's golden weights and input, computed from the formulas in the file's metadata. */
import type { Tensor } from "@sdgan/torch";
import { formulaTensor, shapeOf } from "./formula.js";
import type { Golden } from "./golden.js";

/**
 * The network's weights by the file's formulas, which depend on the element index i and on the index k of the
 * tensor among torchvision's sorted names.
 * @param state of the network, for names and shapes
 */
export function inceptionWeights(
  state: ReadonlyMap<string, Tensor>,
  { metadata }: Pick<Golden, "metadata">,
): Map<string, Tensor> {
  const formulas = formulasOf(metadata);
  const auxiliary = String(metadata.names).includes("AuxLogits.") ? auxiliaryNames : [];
  const sorted = [...state.keys(), ...auxiliary].sort();
  return new Map(
    Array.from(state, ([name, own]) => {
      if (name.endsWith("num_batches_tracked")) return [name, own];
      const { shape, numel } = own;
      const v = formulaTensor(formulas.v!, shape, { k: sorted.indexOf(name) }).flatten(0);
      return [name, formulaTensor(formulas[kindOf(name)]!, shape, { v, numel, "shape[0]": shape[0]! })];
    }),
  );
}

/** The input images of the file's outputs: [B, 3, S, S]. */
export function inceptionInput({ metadata }: Pick<Golden, "metadata">): Tensor {
  const { input, shape } = formulasOf(metadata);
  return formulaTensor(input!, shapeOf(shape!));
}

/** One formula per kind of tensor, and that of the input with its shape. */
const FORMULAS =
  /v=(?<v>.+?); running_var (?<variance>.+?); bn\.weight (?<scale>.+?); running_mean and every \.bias (?<offset>.+?); all else (?<rest>.+?)\. Input: (?<input>.+?) as \[(?<shape>[\d,\s]+)\]/;

function formulasOf({ formula }: Golden["metadata"]): Record<string, string> {
  const found = FORMULAS.exec(String(formula))?.groups;
  if (!found) throw new Error(`Inception's golden file has formulas of an unknown form: "${formula}"`);
  return found;
}

function kindOf(name: string): string {
  if (name.endsWith("running_var")) return "variance";
  if (name.endsWith("bn.weight")) return "scale";
  return name.endsWith("running_mean") || name.endsWith(".bias") ? "offset" : "rest";
}

/**
 * Tensors of torchvision's auxiliary classifier. The outputs do not use it, but its tensors count among the
 * sorted names.
 */
const auxiliaryNames = [
  ...["conv0", "conv1"].flatMap((conv) => [
    `AuxLogits.${conv}.conv.weight`,
    ...["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map(
      (name) => `AuxLogits.${conv}.bn.${name}`,
    ),
  ]),
  ...["weight", "bias"].map((name) => `AuxLogits.fc.${name}`),
];
