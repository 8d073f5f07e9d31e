/**
 * Counts the multiplications and additions of a training step's convolutions, per image, in 1e9. The gradient of a
 * convolution's input costs as much as the convolution; so does the gradient of its weights.
 */
import { imageSizes } from "@sdgan/core";

/** Settings that turn a preset into the AttnGAN baseline. */
export const BASELINE = ["generator.scbn=none", "siamese.enabled=false"];

/** @param config of the AttnGAN baseline @param published count the published code's operations; else this project's */
export function stepOperations(config, { published }) {
  const discriminators = imageSizes(config.generator).map((size) => discriminator(config, size));
  const generator = sum(generatorConvolutions(config, published)) * 3;
  // Real and generated images: forward and backward, without the gradient of the images. Then the generated images again
  // for the generator, which does not need the gradient of the discriminators' weights; the published code computes it.
  const own = discriminators.map(({ first, rest, joint }) => 2 * (2 * first + 3 * rest) + 3 * 3 * joint);
  const again = discriminators.map(({ first, rest, joint }) => (published ? 3 : 2) * (first + rest + joint));
  return (2 * (generator + sum(own) + sum(again))) / 1e9;
}

/**
 * Multiplications and additions in the order of a step, per image, in 1e9: the generator's images, each discriminator's
 * phase, the generator's phase.
 */
export function phaseOperations(config) {
  const discriminators = imageSizes(config.generator).map((size) => discriminator(config, size));
  const generator = sum(generatorConvolutions(config, false));
  const own = discriminators.map(({ first, rest, joint }) => 2 * (2 * first + 3 * rest) + 3 * 3 * joint);
  const again = discriminators.map(({ first, rest, joint }) => 2 * (first + rest + joint));
  const billions = (operations) => (2 * operations) / 1e9;
  return {
    images: billions(generator),
    discriminators: own.map(billions),
    generator: billions(2 * generator + sum(again)),
  };
}

function generatorConvolutions({ generator }, published) {
  const { width, firstSize, stages, residualBlocks } = generator;
  const convolutions = [];
  let channels = (width * firstSize) / 4;
  for (let size = 8; size <= firstSize; size *= 2, channels /= 2) {
    // The first up-block's input is not channels-last, so it needs nine multiplications here too.
    const taps = published || size === 8 ? 9 : 4;
    convolutions.push(taps * channels * channels * size ** 2);
  }
  for (let stage = 1, size = firstSize; stage < stages; stage++, size *= 2) {
    convolutions.push(residualBlocks * 9 * 2 * width * (4 * width + 2 * width) * size ** 2);
    convolutions.push((published ? 9 : 4) * 2 * width * 2 * width * (2 * size) ** 2);
  }
  for (const size of imageSizes(generator)) convolutions.push(9 * width * 3 * size ** 2);
  return convolutions;
}

function discriminator({ discriminator: { width }, text }, size) {
  const features = 8 * width;
  const halvings = Math.log2(size / 4);
  const start = halvings < 4 ? features / 2 ** (halvings - 1) : width;
  const down = Array.from({ length: halvings }, (_, i) => {
    const out = start * 2 ** i;
    return 16 * (i === 0 ? 3 : out / 2) * out * (size / 2 ** (i + 1)) ** 2;
  });
  const narrow = [];
  for (let channels = start * 2 ** (halvings - 1); channels > features; channels /= 2)
    narrow.push(9 * channels * (channels / 2) * 16);
  return {
    first: down[0],
    rest: sum(down.slice(1)) + sum(narrow),
    joint: 9 * (features + text.width) * features * 16,
  };
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
