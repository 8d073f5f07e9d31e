import { enableGrad, grad, manualSeed, noGrad, randn, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { Discriminator, type DiscriminatorOptions } from "../models/discriminator.js";
import { gradcheckAlongDirections, inGeneralPosition } from "../testing/gradients.js";
import { gradientPenalty, type PenaltyOptions } from "./penalty.js";

beforeEach(() => manualSeed(1));

const random = (...shape: number[]) => randn(shape, { dtype: "float64" });
const [B, textWidth] = [3, 5];
const inputs = () => [random(B, 3, 8, 8), random(B, textWidth)] as [Tensor, Tensor];
const make = (options: Partial<DiscriminatorOptions> = {}) =>
  inGeneralPosition(new Discriminator({ width: 1, imageSize: 8, textWidth, ...options }), 0.1);
const logitsOf = (discriminator: Discriminator) => (image: Tensor, sentence: Tensor) => {
  const features = discriminator.forward(image);
  return {
    unconditional: discriminator.unconditional(features),
    conditional: discriminator.conditional(features, sentence),
  };
};
const kinds: PenaltyOptions[] = [
  { kind: "r1", power: 6 },
  { kind: "matchingAware", power: 6 },
  { kind: "matchingAware", power: 2 },
];

describe("gradientPenalty", () => {
  /** Logits a·Σx² and b·Σx³ + c·Σs², whose gradients are known: 2ax; 3bx² and 2cs. */
  const [a, b, c] = [0.5, -0.25, 0.75];
  const known = (image: Tensor, sentence: Tensor) => ({
    unconditional: image.square().sum([1, 2, 3]).mul(a),
    conditional: image.pow(3).sum([1, 2, 3]).mul(b).add(sentence.square().sum(1).mul(c)),
  });
  const norm = (values: Tensor) => values.flatten(1).square().sum(1).sqrt();

  it("is R1's formula, of both heads", () => {
    const [image, sentence] = inputs();
    const [first, second] = [image.mul(2 * a), image.square().mul(3 * b)].map(norm) as [Tensor, Tensor];
    const expected = first.square().add(second.square()).mean().item() / 2;
    expect(gradientPenalty(known, image, sentence, kinds[0]!).item()).toBeCloseTo(expected, 9);
  });

  it.each([2, 6])("is DF-GAN's formula, with power %d", (power) => {
    const [image, sentence] = inputs();
    const sum = norm(image.square().mul(3 * b)).add(norm(sentence.mul(2 * c)));
    const expected = sum.pow(power).mean().item();
    const found = gradientPenalty(known, image, sentence, { kind: "matchingAware", power }).item();
    expect(found / expected).toBeCloseTo(1, 12);
  });

  it("does not ask for gradients of what it is given", () => {
    const [image, sentence] = inputs();
    gradientPenalty(known, image, sentence, kinds[1]!);
    expect([image.requiresGrad, sentence.requiresGrad]).toEqual([false, false]);
  });

  it.each(kinds)(
    "has the discriminator's second derivatives, of finite differences: $kind, $power",
    (options) => {
      const discriminator = make();
      const [image, sentence] = inputs();
      const penalty = () =>
        enableGrad(() => gradientPenalty(logitsOf(discriminator), image, sentence, options));
      // The unconditional head has no part in DF-GAN's penalty, and biases of the last layers in none.
      noGrad(() => {
        for (const [name, parameter] of discriminator.namedParameters())
          if (/Head\.bias$/.test(name) || (options.kind !== "r1" && name.startsWith("unconditional")))
            parameter.requiresGrad = false;
      });
      const network = {
        parameters: () => discriminator.parameters().filter(({ requiresGrad }) => requiresGrad),
      } as Discriminator;
      gradcheckAlongDirections(network, penalty, [], { directions: 4, eps: 1e-6, tolerance: 1e-4 });
    },
  );

  it.each(kinds)(
    "is the same with the operators that train: float32, channels last, $kind, $power",
    (options) => {
      const discriminator = make({ imageSize: 32, width: 2 });
      const [image, sentence] = [random(B, 3, 32, 32), random(B, textWidth)];
      const result = () => {
        const { dtype } = discriminator.parameters()[0]!;
        const memoryFormat = dtype === "float32" ? "channels_last" : "contiguous";
        const given = image.to({ dtype, memoryFormat });
        const penalty = gradientPenalty(logitsOf(discriminator), given, sentence.to(dtype), options);
        const trained = [...discriminator.namedParameters()].filter(
          ([name]) => !/^un|Head\.bias$/.test(name),
        );
        const gradients = grad([penalty], trained.map(([, parameter]) => parameter)); // biome-ignore format: one line
        return [penalty, ...gradients].map((one) => one.to("float64"));
      };
      const exact = result();
      discriminator.to({ dtype: "float32", memoryFormat: "channels_last" });
      // Some gradients are 0: logits are piecewise linear in the last normalization's bias.
      const largest = Math.max(...exact.map((one) => one.norm().item()));
      for (const [i, found] of result().entries()) {
        const scale = Math.max(exact[i]!.norm().item(), 1e-3 * largest);
        expect(found.sub(exact[i]!).norm().item() / scale).toBeLessThan(1e-3);
      }
    },
  );
});
