import { expect, it } from "vitest";
import { imageNoise } from "./image-noise.js";
import { normalNoise } from "./noise.js";

it("z and ε have a row per image, each of its own seed and number", () => {
  const images = [
    { seed: 3, number: 1 },
    { seed: 3, number: 2 },
    { seed: 4, number: 1 },
  ];
  const { z, epsilon } = imageNoise({ noise: 5, condition: 6 }, images);
  const expected = (width: number, label: string) =>
    Float32Array.from(images.flatMap(({ seed, number }) => [...normalNoise(seed, number, width, label)]));
  expect(z).toEqual(expected(5, "z"));
  expect(epsilon).toEqual(expected(6, "epsilon"));
});

it("ε has a number of its own where one is given, with the same z", () => {
  const sizes = { noise: 5, condition: 6 };
  const [one, other] = [1, 2].map((number) => imageNoise(sizes, [{ seed: 3, number }]));
  const mixed = imageNoise(sizes, [{ seed: 3, number: 1, epsilonNumber: 2 }]);
  expect(mixed).toEqual({ z: one!.z, epsilon: other!.epsilon });
  expect(one!.epsilon).not.toEqual(other!.epsilon);
});
