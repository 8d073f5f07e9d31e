import { normalNoise } from "@sdgan/core";
import { expect, it } from "vitest";
import { Generator } from "./generator.js";
import { seededNoise } from "./seeded-noise.js";

it("z and ε of each image depend only on its seed and number", () => {
  const generator = new Generator({
    ...{ width: 4, stages: 1, firstSize: 8, residualBlocks: 1, noise: 5, condition: 6 },
    ...{ scbn: ["none"], scbnHidden: 8, textWidth: 8 },
  });
  const images = [
    { seed: 3, number: 1 },
    { seed: 3, number: 2 },
    { seed: 4, number: 1 },
  ];
  const { z, epsilon } = seededNoise(generator, images);
  expect([z.shape, epsilon.shape, z.dtype]).toEqual([[3, 5], [3, 6], "float32"]);
  const expected = (width: number, label: string) =>
    Float32Array.from(images.flatMap(({ seed, number }) => [...normalNoise(seed, number, width, label)]));
  expect(z.toArray()).toEqual(expected(5, "z"));
  expect(epsilon.toArray()).toEqual(expected(6, "epsilon"));
  const alone = seededNoise(generator, [images[1]!]);
  expect(alone.z.toArray()).toEqual(z.select(0, 1).toArray());
});
