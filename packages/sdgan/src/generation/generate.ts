import type { NoiseSeed } from "@sdgan/core";
import type { Tensor } from "@sdgan/torch";
import type { GenerationNetworks } from "../artifacts/model.js";
import { tokenTensor } from "../compute/tokens.js";
import type { Generated } from "../models/generator.js";
import { seededNoise } from "../models/seeded-noise.js";

/** An image to be generated: a caption's tokens, and the seed and number that determine its noise. */
export interface GenerationRequest extends NoiseSeed {
  tokens: readonly number[];
}

/**
 * Generates an image for each request, all in one batch. Returns the images of every stage, [B, 3, S, S] in
 * −1 … 1. The noise of each image, z and ε, depends only on its seed and number, not on the other requests or
 * on the machine (`seededNoise`).
 */
export function generateImages(
  networks: GenerationNetworks,
  requests: readonly GenerationRequest[],
): Tensor[] {
  return generate(networks, requests).images;
}

/** Like `generateImages`, but returns everything that the generator computes. */
export function generate(
  { generator, text, compute }: GenerationNetworks,
  requests: readonly GenerationRequest[],
): Generated {
  const { device, dtype } = compute;
  const noise = seededNoise(generator, requests);
  const { tokens, lengths } = tokenTensor(
    requests.map(({ tokens }) => tokens),
    device,
  );
  return generator.forward(
    noise.z.to({ device, dtype }),
    text.forward(tokens, lengths),
    noise.epsilon.to({ device }),
  );
}
