/** Losses, as in `torch.nn.functional`. */
import { call } from "../dispatch.js";
import { native } from "../native.js";
import type { Tensor } from "../tensor.js";
import type { Reduction } from "./options.js";

/** logits [B, C], classes [B] (int64); rows of class `ignoreIndex` are ignored. */
export function crossEntropy(
  logits: Tensor,
  classes: Tensor,
  { reduction = "mean" as Reduction, ignoreIndex = -100 } = {},
): Tensor {
  return call("cross_entropy_loss", logits, classes, undefined, reduction, ignoreIndex);
}

/** −target·log σ(x) − (1 − target)·log(1 − σ(x)), stable for every x. */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  target: Tensor,
  { reduction = "mean" as Reduction } = {},
): Tensor {
  return call("binary_cross_entropy_with_logits", logits, target, undefined, undefined, reduction);
}

/** −(log probability of each class): logProbabilities [B, C], classes [B] (int64). */
export function nllLoss(
  logProbabilities: Tensor,
  classes: Tensor,
  { reduction = "mean" as Reduction, ignoreIndex = -100 } = {},
): Tensor {
  return call("nll_loss_nd", logProbabilities, classes, undefined, reduction, ignoreIndex);
}

/** (input − target)². Throws if the shapes differ; PyTorch only warns and broadcasts them. */
export function mseLoss(input: Tensor, target: Tensor, { reduction = "mean" as Reduction } = {}): Tensor {
  requireSameShape("mseLoss", input, target);
  return call("mse_loss", input, target, reduction);
}

/** |input − target|. Throws if the shapes differ. */
export function l1Loss(input: Tensor, target: Tensor, { reduction = "mean" as Reduction } = {}): Tensor {
  requireSameShape("l1Loss", input, target);
  return call("l1_loss", input, target, reduction);
}

/** (input − target)² / (2·beta) where |input − target| < beta, else |input − target| − beta / 2. Throws if shapes differ. */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { reduction = "mean" as Reduction, beta = 1 } = {},
): Tensor {
  requireSameShape("smoothL1Loss", input, target);
  return call("smooth_l1_loss", input, target, reduction, beta);
}

function requireSameShape(name: string, input: Tensor, target: Tensor): void {
  if (native.shape(input).join() !== native.shape(target).join())
    throw new Error(`${name}: the input is ${input} and the target is ${target}; expected equal shapes`);
}
