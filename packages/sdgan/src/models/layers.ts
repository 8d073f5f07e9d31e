/** Layers that several networks share. */
import { call, functional, nn, type Tensor, tensor } from "@sdgan/torch";

/** 3×3 convolution that keeps the size: [B, inChannels, H, W] → [B, outChannels, H, W]. No bias, since BN follows. */
export function conv3x3(inChannels: number, outChannels: number): nn.Conv2d {
  return new nn.Conv2d(inChannels, outChannels, 3, { padding: 1, bias: false });
}

/** Gated linear unit over channels: [B, 2n, …] → [B, n, …]. */
export const glu = (input: Tensor): Tensor => functional.glu(input, 1);

/**
 * Each pixel repeated to 2×2, then a 3×3 convolution that keeps the size: [B, I, H, W] → [B, O, 2H, 2W].
 *
 * The larger image is never computed. A 3×3 window over it covers only 2×2 pixels of the smaller one, so both operations
 * together are a transposed convolution with stride 2, whose 4×4 kernel consists of sums of the 3×3 kernel's values. Per
 * dimension, an input pixel i contributes to the output pixel 2i − 1 + t, t = 0 … 3, through kernel places 2 − t and
 * 3 − t:
 *
 *   w4 = (w₂, w₁ + w₂, w₀ + w₁, w₀)
 *
 * This takes 4/9 of the multiplications. Layouts other than channels-last, for which there are no fast kernels, use the
 * published order of operations.
 */
export class UpsampleConv extends nn.Module {
  /** The 3×3 convolution's weight: [O, I, 3, 3]. */
  readonly weight: Tensor;
  /** The sums that make a 4×4 kernel of a 3×3 one: [16, 9]. */
  readonly #fold: Tensor;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.weight = this.parameter("weight", conv3x3(inChannels, outChannels).weight);
    const w4 = tensor([0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0, 0]).view(4, 3); // w₂, w₁ + w₂, w₀ + w₁, w₀
    this.#fold = this.constant(call("kron", w4, w4));
  }

  forward(input: Tensor): Tensor {
    if (!input.isContiguous("channels_last")) {
      const larger = functional.upsampleNearest(input, 2);
      return functional.conv2d(larger, this.weight.to(input.dtype), { padding: 1 });
    }
    const [O, I] = this.weight.shape as [number, number];
    const byPlace = this.weight.permute(1, 2, 3, 0).reshape(I, 9, O);
    const weight = this.#fold.matmul(byPlace).view(I, 4, 4, O).permute(0, 3, 1, 2); // [I, O, 4, 4]
    return functional.convTranspose2d(input, weight.to(input.dtype), { stride: 2, padding: 1 });
  }
}

/** Converts half precision to float32, for sums and losses, which need more precision. */
export function atLeastFloat32(input: Tensor): Tensor {
  const { dtype } = input;
  return dtype === "bfloat16" || dtype === "float16" ? input.to("float32") : input;
}

/**
 * AttnGAN's initial values: orthogonal weights for convolutions and linear layers, BN's scales N(1, 0.02).
 * Layers that start at zero must be set after this.
 */
export function initialize(network: nn.Module): void {
  for (const module of network.modules()) {
    if (module instanceof nn.Conv2d || module instanceof nn.Linear || module instanceof UpsampleConv) {
      nn.init.orthogonal(module.weight);
      if (module instanceof nn.Linear && module.bias) nn.init.constant(module.bias, 0);
    } else if (module instanceof nn.BatchNorm) {
      nn.init.normal(module.weight, 1, 0.02);
      nn.init.constant(module.bias, 0);
    }
  }
}
