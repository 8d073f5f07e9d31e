import { normalNoise } from "@sdgan/core";
import { type Tensor, tensor } from "@sdgan/torch";
import type { Generator } from "./generator.js";

/** The origin of an image's noise. */
export interface NoiseSeed {
  seed: number;
  /** 1, 2, …: distinguishes the images of one caption and seed. */
  number: number;
}

/**
 * z [B, noise] and ε [B, condition] of images, in float32 on the CPU. Each row depends only on its seed and number, and is
 * equal on every machine and in every browser (`normalNoise`).
 */
export function seededNoise(
  { noise, conditioning }: Generator,
  images: readonly NoiseSeed[],
): { z: Tensor; epsilon: Tensor } {
  const rows = (width: number, label: string): Tensor => {
    const values = images.flatMap(({ seed, number }) => [...normalNoise(seed, number, width, label)]);
    return tensor(Float32Array.from(values), { shape: [images.length, width] });
  };
  return { z: rows(noise, "z"), epsilon: rows(conditioning.condition, "epsilon") };
}
