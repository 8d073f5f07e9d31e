import type { Tensor } from "@sdgan/torch";
import type { GenerationNetworks } from "../artifacts/model.js";
import { tokenTensor } from "../compute/tokens.js";
import type { Generated } from "../models/generator.js";
import { type NoiseSeed, seededNoise } from "../models/seeded-noise.js";

/** An image to be drawn: of a caption's tokens, with the noise that a seed and a number give. */
export interface GenerationRequest extends NoiseSeed {
  tokens: readonly number[];
}

/**
 * Draws all orders at once: an image of each, of every stage, [B, 3, S, S] in −1 … 1. The noise of each, z and ε,
 * comes from its own seed and number, whatever is drawn beside it and on whatever machine (`seededNoise`).
 */
export function generateImages(
  networks: GenerationNetworks,
  requests: readonly GenerationRequest[],
): Tensor[] {
  return generate(networks, requests).images;
}

/** As `generateImages`, with all that the generator tells. */
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
