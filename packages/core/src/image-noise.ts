import { normalNoise } from "./noise.js";

/** The origin of an image's noise. */
export interface NoiseSeed {
  seed: number;
  /** 1, 2, …: distinguishes the images of one caption and seed. */
  number: number;
}

/**
 * z [B, noise] and ε [B, condition] of images. Each row depends only on its seed and number, and is equal on every
 * machine and in every browser (`normalNoise`).
 */
export function imageNoise(
  { noise, condition }: { noise: number; condition: number },
  images: readonly NoiseSeed[],
): { z: Float32Array<ArrayBuffer>; epsilon: Float32Array<ArrayBuffer> } {
  const rows = (width: number, label: string) => {
    const values = new Float32Array(images.length * width);
    for (const [i, { seed, number }] of images.entries())
      values.set(normalNoise(seed, number, width, label), i * width);
    return values;
  };
  return { z: rows(noise, "z"), epsilon: rows(condition, "epsilon") };
}
