/** Layers that several networks share. */
import { functional, nn, type Tensor } from "@sdgan/torch";

/** 3×3 convolution that keeps the size: [B, inChannels, H, W] → [B, outChannels, H, W]. No bias, since BN follows. */
export function conv3x3(inChannels: number, outChannels: number): nn.Conv2d {
  return new nn.Conv2d(inChannels, outChannels, 3, { padding: 1, bias: false });
}

/** Gated linear unit over channels: [B, 2n, …] → [B, n, …]. */
export const glu = (input: Tensor): Tensor => functional.glu(input, 1);

/** Twice as high and wide, each pixel repeated. */
export const upsample = (input: Tensor): Tensor => functional.upsampleNearest(input, 2);

/** The same values in float32 where they are in half precision: for sums and losses, which need more. */
export function atLeastFloat32(input: Tensor): Tensor {
  const { dtype } = input;
  return dtype === "bfloat16" || dtype === "float16" ? input.to("float32") : input;
}

export const leakyRelu = (input: Tensor): Tensor => input.leakyRelu(0.2);

/**
 * AttnGAN's initial values: orthogonal weights for convolutions and linear layers, BN's scales N(1, 0.02).
 * What a network wants to start at zero must be set after this.
 */
export function initialize(network: nn.Module): void {
  for (const module of network.modules()) {
    if (module instanceof nn.Conv2d || module instanceof nn.Linear) {
      nn.init.orthogonal(module.weight);
      if (module instanceof nn.Linear && module.bias) nn.init.constant(module.bias, 0);
    } else if (module instanceof nn.BatchNorm) {
      nn.init.normal(module.weight, 1, 0.02);
      nn.init.constant(module.bias, 0);
    }
  }
}
