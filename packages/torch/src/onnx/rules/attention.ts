/** The attentions of this package. */
import type { Rule } from "../lowering.js";
import type { Size } from "../sizes.js";

/** Stands for −∞ where there is no token: runtimes on GPUs may not compute with infinity. */
const ABSENT = -1e30;

/** features [B, C, H, W], keys [B, T, C], absent [B, T], values [B, T, any] → attention [B, H·W, T], contexts [B, any, H, W] */
const crossAttention: Rule = (op, to) => {
  const [features, keys, absent] = [op.tensor(0), op.tensor(1), op.tensor(2)];
  const columns = to.node("Reshape", [to.name(features), to.graph.integers([0, op.fixed(features, 1), -1])]); // [B, C, H·W]
  const positions = to.node("Transpose", [columns], { perm: [0, 2, 1] });
  const scores = to.node("MatMul", [positions, to.node("Transpose", [to.name(keys)], { perm: [0, 2, 1] })]);
  const mask = to.node("Unsqueeze", [to.name(absent), to.graph.integers([1])]); // [B, 1, T]
  const masked = to.node("Where", [mask, to.graph.float([ABSENT]), scores]);
  const attention = to.node("Softmax", [masked], { axis: 2 });
  const byToken = to.node("Transpose", [attention], { perm: [0, 2, 1] }); // [B, T, H·W]
  const contexts = op.tensors(3).map((value, i) => {
    const mixed = to.node("MatMul", [to.node("Transpose", [to.name(value)], { perm: [0, 2, 1] }), byToken]);
    const [B, width, height, across] = op.sizes(op.result(i + 1)) as [Size, Size, Size, Size];
    return to.reshape(mixed, [B, width], [B, width, height, across]);
  });
  return [attention, ...contexts];
};

/** scores [I, R, J, T], absent [J, T], γ1: softmax over R of γ1 · softmax over T. */
const wordAttention: Rule = (op, to) => {
  const masked = to.node("Where", [op.name(1), to.graph.float([ABSENT]), op.name(0)]);
  const overWords = to.node("Softmax", [masked], { axis: 3 });
  return to.node("Softmax", [to.node("Mul", [overWords, to.graph.float([op.number(2)])])], { axis: 1 });
};

export const attention: Record<string, Rule> = {
  "node_torch::cross_attention": crossAttention,
  "node_torch::word_attention": wordAttention,
};
