import { call, cat, manualSeed, nn, randn, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { expectClose } from "../testing/golden.js";
import { gradcheckAlongDirections, gradcheckNetwork, inGeneralPosition } from "../testing/gradients.js";
import { ConvBlock, Discriminator, DownBlock, JointBlock } from "./discriminator.js";
import type { SpectralConv2d } from "./spectral-norm.js";

const random = (...shape: number[]) => randn(shape, { dtype: "float64" });
/** A small step, for networks with kinks, which it rarely crosses. */
const small = { eps: 1e-6 };

beforeEach(() => manualSeed(1));

describe("discriminator", () => {
  it.each([8, 16, 32, 64, 128, 256])("has 8d features at 4×4 places for %d pixels", (imageSize) => {
    const discriminator = new Discriminator({ width: 1, imageSize, textWidth: 5 });
    const features = discriminator.forward(randn([3, 3, imageSize, imageSize]));
    expect(features.shape).toEqual([3, 8, 4, 4]);
    expect(discriminator.unconditional(features).shape).toEqual([3]);
    expect(discriminator.conditional(features, randn([3, 5])).shape).toEqual([3]);
  });

  it.each([8, 32, 128])("has spectral norm instead of BN if configured, for %d pixels", (imageSize) => {
    const make = (norm: "batch" | "spectral") =>
      new Discriminator({ width: 1, imageSize, textWidth: 5, norm });
    const discriminator = make("spectral");
    const modules = [...discriminator.modules()];
    expect(modules.some((module) => module instanceof nn.BatchNorm)).toBe(false);
    const convolutions = modules.filter((module) => module instanceof nn.Conv2d);
    expect(convolutions).toHaveLength(
      [...make("batch").modules()].filter((module) => module instanceof nn.Conv2d).length,
    );
    // With orthogonal weights, every direction is a singular vector.
    for (const convolution of convolutions) {
      const normalized = (convolution as SpectralConv2d).normalizedWeight().flatten(1);
      expect(call<Tensor>("linalg_svdvals", normalized).select(0, 0).item()).toBeCloseTo(1, 4);
    }
    const [image, sentence] = [randn([3, 3, imageSize, imageSize]), randn([3, 5])];
    const features = discriminator.forward(image, [1, 2]);
    expect(features.shape).toEqual([3, 8, 4, 4]);
    expect(discriminator.conditional(features, sentence, [3]).shape).toEqual([3]);
    // Without BN an image's logits do not depend on the others of its batch.
    const alone = discriminator.eval().forward(image.narrow(0, 1, 1));
    const difference = alone
      .sub(discriminator.forward(image).narrow(0, 1, 1))
      .abs()
      .amax([])
      .item();
    expect(difference).toBeLessThan(1e-5);
  });

  it("returns float32 logits for bfloat16 images", () => {
    const discriminator = new Discriminator({ width: 2, imageSize: 32, textWidth: 5 });
    const features = discriminator.forward(randn([3, 3, 32, 32]).to("bfloat16"));
    expect(features.dtype).toBe("bfloat16");
    expect(discriminator.unconditional(features).dtype).toBe("float32");
    expect(discriminator.conditional(features, randn([3, 5])).dtype).toBe("float32");
  });

  it.each([
    [64, 6_313_730],
    [128, 19_424_002],
    [256, 71_858_946],
  ])("of %d pixels has AttnGAN's %d parameters at d = 64", (imageSize, expected) => {
    // The count is quadratic in the width, so it is determined by three narrow networks, which are created quickly.
    const widths = [1, 2, 4];
    const counts = widths.map(
      (width) => new Discriminator({ width, imageSize, textWidth: 256 }).parameterCount,
    );
    expect(Math.round(extrapolate(widths, counts, 64))).toBe(expected);
  });

  it("has the gradients of finite differences, features and heads", () => {
    const discriminator = inGeneralPosition(new Discriminator({ width: 1, imageSize: 32, textWidth: 3 }));
    const [image, sentence] = [random(3, 3, 32, 32), random(3, 3)];
    const fn = () => {
      const features = discriminator.forward(image);
      return [features, discriminator.unconditional(features), discriminator.conditional(features, sentence)];
    };
    gradcheckAlongDirections(discriminator, fn, [image, sentence], { directions: 4 });
  });

  it("has the heads' gradients, element by element", () => {
    const discriminator = inGeneralPosition(new Discriminator({ width: 1, imageSize: 8, textWidth: 2 }));
    const { joint, conditionalHead, unconditionalHead } = discriminator;
    const [features, sentence] = [random(2, 8, 4, 4), random(2, 2)];
    gradcheckNetwork(
      conditionalHead,
      () => discriminator.conditional(features, sentence),
      [features, sentence, joint.norm!.weight, joint.norm!.bias],
      small,
    );
    gradcheckNetwork(unconditionalHead, () => discriminator.unconditional(features), [features], small);
  });
});

describe("the discriminator's blocks have the gradients of finite differences", () => {
  it.each([true, false])("downsampling, normalized: %s", (normalized) => {
    const block = inGeneralPosition(new DownBlock(2, 3, normalized));
    const input = random(2, 2, 4, 4);
    gradcheckNetwork(block, () => block.forward(input), [input], small);
  });

  it.each(["batch", "spectral"] as const)(
    "joint, norm: %s: the sentence is as if it were at every place",
    (norm) => {
      const block = new JointBlock(3, 4, norm);
      block.eval().to({ dtype: "float64" });
      // Two images, and a second sentence for the first one.
      const [features, sentences] = [random(2, 3, 4, 4), random(3, 4)];
      const images = cat([features, features.narrow(0, 0, 1)]);
      const everywhere = sentences.view(3, 4, 1, 1).expand(-1, -1, 4, 4);
      const expected = block.forward(cat([images, everywhere], 1));
      expectClose(block.conditioned(features, sentences), expected, 1e-12);
    },
  );

  it("joint", () => {
    const block = inGeneralPosition(new JointBlock(2, 2, "batch", [3, 3]));
    const [features, sentences] = [random(2, 2, 3, 3), random(3, 2)];
    gradcheckNetwork(block, () => block.conditioned(features, sentences), [features, sentences], small);
  });

  it("of the same size", () => {
    const block = inGeneralPosition(new ConvBlock(2, 3));
    const input = random(2, 2, 3, 4);
    gradcheckNetwork(block, () => block.forward(input), [input], small);
  });
});

/** The value at `x` of the polynomial through the points (Lagrange). */
function extrapolate(xs: number[], ys: number[], x: number): number {
  return ys.reduce((sum, y, i) => {
    const basis = xs.reduce(
      (product, other, j) => (j === i ? product : (product * (x - other)) / (xs[i]! - other)),
      1,
    );
    return sum + y * basis;
  }, 0);
}
