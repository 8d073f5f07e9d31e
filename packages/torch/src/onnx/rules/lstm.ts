/** The bidirectional LSTM over sentences of unequal length. */
import { floatsOf } from "../graph.js";
import type { OperationReader, Rule } from "../lowering.js";
import type { Value } from "../program.js";

/**
 * input [B, T, I], lengths [B], weights of both directions → states [B, T, 2·H], last states [B, 2·H].
 *
 * ONNX has sequences first, [T, B, I], and its gates in another order: input, output, forget, cell. States after the end
 * of a sentence are zero, and the last state is that of the last word, as here.
 */
const bidirectionalLstm: Rule = (op, to) => {
  const [input, lengths] = [op.tensor(0), op.at(1)];
  if (Array.isArray(lengths) || typeof lengths !== "object" || !("dtype" in lengths))
    return op.refuse("the lengths are numbers; give them as a tensor, which can be an input of the model");
  const weights = op.tensors(2);
  const H = op.fixed(weights[1]!, 1);
  const I = op.fixed(weights[0]!, 1);
  /** Both directions' tensors, at these places of PyTorch's list. */
  const both = (places: number[], shape: number[], name: string) => {
    const values = [0, 4].flatMap((direction) =>
      places.map((place) => inGateOrder(op, weights[direction + place]!, H)),
    );
    return to.floats(joined(values), shape, name);
  };
  const sequence = to.node("Transpose", [to.name(input)], { perm: [1, 0, 2] });
  const [states, last] = to.graph.nodeOf(
    "LSTM",
    [
      sequence,
      both([0], [2, 4 * H, I], "lstm.weight_ih"),
      both([1], [2, 4 * H, H], "lstm.weight_hh"),
      both([2, 3], [2, 8 * H], "lstm.bias"),
      op.nameOf(lengths, "int32"),
    ],
    2,
    { direction: "bidirectional", hidden_size: H },
  ) as [string, string]; // [T, 2, B, H] and [2, B, H]
  const byPlace = to.node("Transpose", [states], { perm: [2, 0, 1, 3] });
  const bySentence = to.node("Transpose", [last], { perm: [1, 0, 2] });
  return [
    to.node("Reshape", [byPlace, to.graph.integers([0, 0, 2 * H])]),
    to.node("Reshape", [bySentence, to.graph.integers([0, 2 * H])]),
  ];
};

/** Rows of PyTorch's gates (input, forget, cell, output) in ONNX's order. */
function inGateOrder(op: OperationReader, value: Value, H: number): Float32Array {
  const stored = value.constant && op.to.graph.initializers.get(op.to.name(value));
  if (stored?.dtype !== "float32") return op.refuse("its weights are not float32 constants");
  const rows = floatsOf(stored);
  const size = rows.length / 4;
  if (!Number.isInteger(size / H)) return op.refuse("its weights do not have four gates");
  return joined([0, 3, 1, 2].map((gate) => rows.subarray(gate * size, (gate + 1) * size)));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const lstm: Record<string, Rule> = { "node_torch::bidirectional_lstm": bidirectionalLstm };
