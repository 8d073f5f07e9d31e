import { normalNoise } from "@sdgan/core";
import { type Tensor, tensor } from "@sdgan/torch";
import type { Generator } from "./generator.js";

/** What an image's noise comes from. */
export interface NoiseSeed {
  seed: number;
  /** 1, 2, …: of the images of one caption and seed, each its own. */
  number: number;
}

/**
 * z [B, noise] and ε [B, condition] of images, in float32 on the CPU: each row from its own seed and number, whatever
 * stands beside it, and the same on every machine and in every browser (`normalNoise`).
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
