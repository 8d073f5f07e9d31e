import { imageNoise, type NoiseSeed } from "@sdgan/core";
import { type Tensor, tensor } from "@sdgan/torch";
import type { Generator } from "./generator.js";

/** z [B, noise] and ε [B, condition] of images (`imageNoise`), in float32 on the CPU. */
export function seededNoise(
  { noise, conditioning: { condition } }: Generator,
  images: readonly NoiseSeed[],
): { z: Tensor; epsilon: Tensor } {
  const { z, epsilon } = imageNoise({ noise, condition }, images);
  return {
    z: tensor(z, { shape: [images.length, noise] }),
    epsilon: tensor(epsilon, { shape: [images.length, condition] }),
  };
}
