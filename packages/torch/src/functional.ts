/** Operators of neural networks, as in `torch.nn.functional`. */
import { call } from "./dispatch.js";
import type { Pair } from "./functional/options.js";
import { processorHasBfloat16 } from "./processor.js";
import { isTensor, type Tensor } from "./tensor.js";

export * from "./functional/losses.js";
export * from "./functional/normalization.js";
export type * from "./functional/options.js";
export * from "./functional/pooling.js";

export interface ConvOptions {
  bias?: Tensor | null;
  stride?: Pair;
  padding?: Pair;
  /** Distance of the kernel's elements in the input. */
  dilation?: Pair;
  /** Groups of channels, each convolved separately; as many groups as channels is a depthwise convolution. */
  groups?: number;
}

/** input [B, I, H, W], weight [O, I / groups, kH, kW] → [B, O, H', W']. */
export function conv2d(
  input: Tensor,
  weight: Tensor,
  { bias, stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions = {},
): Tensor {
  if (
    !bias &&
    groups === 1 &&
    dilation === 1 &&
    typeof stride === "number" &&
    typeof padding === "number" &&
    hasFewPlaces(input, weight, stride)
  )
    return convByProduct(input, weight, stride, padding);
  return call("conv2d", input, weight, bias ?? undefined, stride, padding, dilation, groups);
}

/**
 * Whether a convolution has more output channels than output positions, of all images together. For these, oneDNN takes
 * two to three times as long as one matrix product, most of it for the weights' gradient. Convolutions that do not
 * shrink the image gain nothing, nor do other dtypes and layouts. A processor without bfloat16 instructions would sum
 * these products in bfloat16.
 */
function hasFewPlaces(input: Tensor, weight: Tensor, stride: number): boolean {
  if (stride === 1 || input.dtype !== "bfloat16" || input.device !== "cpu") return false;
  if (!processorHasBfloat16()) return false;
  if (input.dim !== 4 || weight.dim !== 4 || !input.isContiguous("channels_last")) return false;
  const [B, , H, W] = input.shape as [number, number, number, number];
  return B * Math.ceil(H / stride) * Math.ceil(W / stride) <= weight.size(0);
}

/** Computes it as a matrix product: windows are the rows of one matrix, weights the other. Same sums, shapes and layout. */
function convByProduct(input: Tensor, weight: Tensor, stride: number, padding: number): Tensor {
  const [O, I, kH, kW] = weight.shape as [number, number, number, number];
  if (input.size(1) !== I)
    throw new Error(
      `conv2d: expected an input of ${I} channels, as the weight ${weight} has, found ${input}`,
    );
  const padded = call<Tensor>("constant_pad_nd", input, [padding, padding, padding, padding], 0);
  const windows = unfold(unfold(padded.permute(0, 2, 3, 1), 1, kH, stride), 2, kW, stride); // [B, H', W', I, kH, kW]
  const [B, height, width] = windows.shape as [number, number, number];
  const rows = windows.permute(0, 1, 2, 4, 5, 3).reshape(B * height * width, kH * kW * I);
  const columns = weight.permute(0, 2, 3, 1).reshape(O, kH * kW * I);
  return rows.matmul(columns.t()).view(B, height, width, O).permute(0, 3, 1, 2);
}

const unfold = (input: Tensor, dim: number, size: number, step: number) =>
  call<Tensor>("unfold", input, dim, size, step);

export interface ConvTransposeOptions extends ConvOptions {
  /** Rows and columns added at one side, because with a `stride` several input sizes give the same output size. */
  outputPadding?: Pair;
}

/**
 * Transposed convolution: input [B, I, H, W], weight [I, O / groups, kH, kW] → [B, O, H', W'] with
 * H' = (H − 1)·stride − 2·padding + dilation·(kH − 1) + outputPadding + 1.
 */
export function convTranspose2d(input: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const { bias, stride = 1, padding = 0, outputPadding = 0, groups = 1, dilation = 1 } = options;
  const isPlain = groups === 1 && dilation === 1 && outputPadding === 0;
  if (isPlain && typeof stride === "number" && typeof padding === "number") {
    const output = call<Tensor>("node_torch::conv_transpose2d", input, weight, stride, padding);
    return bias ? output.add(bias.view(-1, 1, 1)) : output;
  }
  return call(
    "conv_transpose2d.input",
    input,
    weight,
    bias ?? undefined,
    stride,
    padding,
    outputPadding,
    groups,
    dilation,
  );
}

/**
 * AttnGAN's attention of words over an image's regions (Xu et al., 2018, §3.2), for all pairs of images and captions:
 * softmax over R of γ1 · (softmax over T of the scores), where the inner softmax ignores `absent` words.
 * scores [I, R, J, T], absent [J, T] → [I, R, J, T]. Fastest for scores that are [I, R, T, J] in memory, as the result is.
 */
export function wordAttention(scores: Tensor, absent: Tensor, gamma1: number): Tensor {
  return call("node_torch::word_attention", scores, absent, gamma1);
}

/**
 * Attention from every position of an image to a few tokens: the softmax over the tokens of features · key, and with
 * these weights the sum of each value, Σ_t a_t · value_t. Products are not scaled. Tokens that are `absent` get weight 0;
 * at least one token of each image must be present.
 * features [B, C, H, W], keys [B, T, C], absent [B, T], values [B, T, any] → attention [B, H·W, T] and for each value a
 * context [B, its width, H, W].
 */
export function crossAttention(
  features: Tensor,
  keys: Tensor,
  absent: Tensor,
  values: readonly Tensor[],
): { attention: Tensor; contexts: Tensor[] } {
  const [attention, ...contexts] = call<Tensor[]>(
    "node_torch::cross_attention",
    features,
    keys,
    absent,
    values,
  );
  return { attention: attention!, contexts };
}

/** input […, I], weight [O, I], bias [O] → […, O]. */
export function linear(input: Tensor, weight: Tensor, bias?: Tensor | null): Tensor {
  return call("linear", input, weight, bias ?? undefined);
}

/** What the positions of an image attend to. */
export interface Tokens {
  /** [B, T, C] */
  keys: Tensor;
  /** [B, T], true where there is no token. */
  absent: Tensor;
}

/** The activation after a normalization, in the same pass over memory: none, x < 0 ? slope · x : x, or GLU over channels. */
export type Activation = "none" | "leaky_relu" | "glu";

export interface BatchNormOptions {
  weight?: Tensor | null;
  bias?: Tensor | null;
  runningMean?: Tensor | null;
  runningVar?: Tensor | null;
  /** Normalize with the batch's own statistics and update the running ones. */
  training: boolean;
  momentum?: number;
  eps?: number;
  /** Added to `weight` and `bias`, both or neither: [B, C, 1, 1] for the whole image, or [B, C, H, W]. */
  scale?: Tensor | null;
  shift?: Tensor | null;
  /**
   * `scale` and `shift` are [B, T, C], one for each of T tokens, and a position [C] of the input has those that it attends
   * to: Σ_t softmax_t(input · key_t) · scale_t, as of `crossAttention`.
   */
  attend?: Tokens | null;
  activation?: Activation;
  /** Slope of the leaky ReLU for x < 0. */
  slope?: number;
  /** Sizes of consecutive batches in `input`, each normalized separately (ghost batches). */
  batches?: readonly number[];
}

/**
 * input [B, C, …], normalized over everything but C:
 * activation((weight + scale) · (x − μ) / √(σ² + eps) + (bias + shift)), [B, C, …], or [B, C/2, …] after a GLU.
 * Throws in training if there is only one value per channel, because it has no variance.
 */
export function batchNorm(input: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, runningMean, runningVar, training, momentum = 0.1, eps = 1e-5 } = options;
  const { scale, shift, attend, activation, slope, batches = [] } = options;
  if (training && isTensor(input) && input.dim >= 2) {
    const samples = Math.min(input.size(0), ...batches);
    if ((input.numel / input.size(0)) * samples === input.size(1))
      throw new Error(`batchNorm: ${input} has one value per channel, training needs more`);
  }
  const normalization = [input, weight, bias, runningMean, runningVar, training, momentum, eps] as const;
  if (attend && scale && shift && training && batches.length === 0) {
    const { keys, absent } = attend;
    return call(
      "node_torch::attended_batch_norm",
      ...normalization,
      keys,
      absent,
      scale,
      shift,
      activation,
      slope,
    );
  }
  const modulation = attendedModulation(input, options);
  return call(
    "node_torch::batch_norm",
    ...normalization,
    modulation.scale,
    modulation.shift,
    activation,
    slope,
    batches,
  );
}

/** `scale` and `shift` as they are, or those that each position attends to, [B, C, H, W]. */
export function attendedModulation(
  input: Tensor,
  { scale = null, shift = null, attend }: Pick<BatchNormOptions, "scale" | "shift" | "attend">,
): { scale: Tensor | null; shift: Tensor | null } {
  if (!attend) return { scale, shift };
  if (!scale || !shift) throw new Error("batchNorm: attend needs scale and shift, [B, T, C] each");
  const { contexts } = crossAttention(input, attend.keys, attend.absent, [scale, shift]);
  return { scale: contexts[0]!, shift: contexts[1]! };
}

/** The first half of `dim` times the sigmoid of the second. */
export function glu(input: Tensor, dim = 1): Tensor {
  return call("glu", input, dim);
}

/** [B, C, H, W] → [B, C, scale·H, scale·W], every pixel repeated. */
export function upsampleNearest(input: Tensor, scale: number): Tensor {
  if (!isTensor(input)) throw new TypeError("upsampleNearest: expected a tensor for input");
  const [height, width] = [input.size(2) * scale, input.size(3) * scale];
  return call("upsample_nearest2d", input, [height, width]);
}

/** [B, C, H, W] → [B, C, height, width], like PyTorch's `interpolate(…, mode="bilinear", align_corners=False)`. */
export function upsampleBilinear(input: Tensor, height: number, width: number): Tensor {
  return call("upsample_bilinear2d", input, [height, width], false);
}

/** Rows of `weight` [words, D] for integers [B, T] → [B, T, D]; row `paddingIndex` gets no gradient. */
export function embedding(weight: Tensor, indices: Tensor, paddingIndex = -1): Tensor {
  return call("embedding", weight, indices, paddingIndex);
}

/** cos of the angle between `a` and `b` along `dim`. */
export function cosineSimilarity(a: Tensor, b: Tensor, dim = 1, eps = 1e-8): Tensor {
  return call("cosine_similarity", a, b, dim, eps);
}

/** Zeroes each value with probability `p` and scales the others by 1 / (1 − p). Without `training`, returns the input. */
export function dropout(input: Tensor, p: number, training: boolean): Tensor {
  return call("dropout", input, p, training);
}

/** x · Φ(x) with the normal distribution's Φ (Hendrycks and Gimpel, 2016); "tanh" is an approximation. */
export function gelu(input: Tensor, { approximate = "none" as "none" | "tanh" } = {}): Tensor {
  return call("gelu", input, approximate);
}

/** x · σ(x). */
export function silu(input: Tensor): Tensor {
  return call("silu", input);
}
