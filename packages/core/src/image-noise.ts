import { normalNoise } from "./noise.js";

/** The origin of an image's noise. */
export interface NoiseSeed {
  seed: number;
  /** 1, 2, …: distinguishes the images of one caption and seed. */
  number: number;
  /** The number of ε, if another than that of z: what conditioning augmentation alone changes. */
  epsilonNumber?: number;
}

/**
 * z [B, noise] and ε [B, condition] of images. Each row depends only on its seed and its number (of ε: `epsilonNumber`,
 * by default the same), and is equal on every machine and in every browser (`normalNoise`).
 */
export function imageNoise(
  { noise, condition }: { noise: number; condition: number },
  images: readonly NoiseSeed[],
): { z: Float32Array<ArrayBuffer>; epsilon: Float32Array<ArrayBuffer> } {
  const rows = (width: number, label: string, numberOf: (image: NoiseSeed) => number) => {
    const values = new Float32Array(images.length * width);
    for (const [i, image] of images.entries())
      values.set(normalNoise(image.seed, numberOf(image), width, label), i * width);
    return values;
  };
  return {
    z: rows(noise, "z", ({ number }) => number),
    epsilon: rows(condition, "epsilon", ({ number, epsilonNumber = number }) => epsilonNumber),
  };
}
