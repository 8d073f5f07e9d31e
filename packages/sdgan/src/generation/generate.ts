import { Random } from "@sdgan/core";
import { cat, Generator as RandomStream, randn, type Tensor } from "@sdgan/torch";
import type { GenerationNetworks } from "../artifacts/model.js";
import { tokenTensor } from "../compute/tokens.js";
import type { Generated } from "../models/generator.js";

/** An image to be drawn: of a caption's tokens, with the noise that a seed and a number give. */
export interface GenerationRequest {
  tokens: readonly number[];
  seed: number;
  /** 1, 2, …: of the images of one caption and seed, each its own. */
  number: number;
}

/**
 * Draws all orders at once: an image of each, of every stage, [B, 3, S, S] in −1 … 1. The noise of each comes from
 * its own seed and number, whatever is drawn beside it.
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
  const draws = requests.map(({ seed, number }) => {
    const stream = RandomStream.seeded(new Random(seed, "noise", number).uint32());
    const { noise, conditioning } = generator;
    return [
      randn([1, noise], { generator: stream }),
      randn([1, conditioning.condition], { generator: stream }),
    ] as const;
  });
  const z = cat(draws.map(([z]) => z)).to({ device, dtype });
  const epsilon = cat(draws.map(([, epsilon]) => epsilon)).to({ device });
  const { tokens, lengths } = tokenTensor(
    requests.map(({ tokens }) => tokens),
    device,
  );
  return generator.forward(z, text.forward(tokens, lengths), epsilon);
}
