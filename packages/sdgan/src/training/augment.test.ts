import type { AugmentPolicy } from "@sdgan/core";
import { full, manualSeed, rand, randn, slice, type Tensor, tensor } from "@sdgan/torch";
import { gradcheck } from "@sdgan/torch/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { augment, cutOut, recolor, translate } from "./augment.js";

beforeEach(() => manualSeed(1));

const only = (...policy: AugmentPolicy[]) => ({ policy, padding: 1 });
const random = (...shape: number[]) => randn(shape, { dtype: "float64" });
const perImage = (values: number[]) => tensor(values, { dtype: "float64", shape: [values.length, 1, 1, 1] });
const largestDifference = (a: Tensor, b: Tensor) => a.sub(b).abs().amax([]).item();

/** One pixel's value; out of the image, `outside`. */
function pixel(images: Tensor, [b, c, y, x]: [number, number, number, number], outside: number): number {
  const [, , H, W] = images.shape as [number, number, number, number];
  const isInside = y >= 0 && x >= 0 && y < H && x < W;
  return isInside ? images.index(b, c, y, x).item() : outside;
}

/** An image of values by place. */
function built(
  [B, C, H, W]: [number, number, number, number],
  value: (...at: [number, number, number, number]) => number,
): Tensor {
  const values = Array.from({ length: B * C * H * W }, (_, i) =>
    value(Math.floor(i / (C * H * W)), Math.floor(i / (H * W)) % C, Math.floor(i / W) % H, i % W),
  );
  return tensor(values, { dtype: "float64", shape: [B, C, H, W] });
}

describe("recolor", () => {
  const amounts = {
    brightness: perImage([0.3, -0.2]),
    saturation: perImage([0.5, 1.7]),
    contrast: perImage([1.4, 0.6]),
  };

  it("changes brightness, then saturation, then contrast, by their formulas", () => {
    const images = random(2, 3, 4, 5);
    const bright = images.add(amounts.brightness);
    const gray = bright.mean(1, true);
    const saturated = bright.sub(gray).mul(amounts.saturation).add(gray);
    const mean = saturated.mean([1, 2, 3], true);
    const expected = saturated.sub(mean).mul(amounts.contrast).add(mean);
    expect(largestDifference(recolor(images, amounts), expected)).toBeLessThan(1e-14);
  });

  it("has the gradients of finite differences", () => {
    gradcheck((images) => recolor(images!, amounts), [random(2, 3, 3, 2)]);
  });
});

describe("translate", () => {
  const [down, right] = [[0, 1, -2], [1, -1, 0]]; // biome-ignore format: pairs
  const move = (images: Tensor) =>
    translate(images, { down: tensor(down, { dtype: "int64" }), right: tensor(right, { dtype: "int64" }), most: [2, 1], padding: 0.75 }); // biome-ignore format: one line

  it("moves every image by its own pixels, and pads what comes in", () => {
    const images = random(3, 3, 6, 5);
    const expected = built([3, 3, 6, 5], (b, c, y, x) =>
      pixel(images, [b, c, y - down[b]!, x - right[b]!], 0.75),
    );
    expect(move(images).toNumbers()).toEqual(expected.toNumbers());
  });

  it("has the gradients of finite differences", () => {
    gradcheck((images) => move(images!), [random(3, 2, 4, 3)]);
  });
});

describe("cutOut", () => {
  const [top, left] = [[-1, 2, -9], [3, -2, -9]]; // biome-ignore format: pairs
  const cut = (images: Tensor) =>
    cutOut(images, { top: tensor(top, { dtype: "int64" }), left: tensor(left, { dtype: "int64" }), sides: [3, 4] }); // biome-ignore format: one line

  it("sets a rectangle of every image to zero, as far as it is inside", () => {
    const images = random(3, 3, 6, 5);
    const expected = built([3, 3, 6, 5], (b, c, y, x) => {
      const isCut = y >= top[b]! && y < top[b]! + 3 && x >= left[b]! && x < left[b]! + 4;
      return isCut ? 0 : pixel(images, [b, c, y, x], 0);
    });
    expect(cut(images).add(0).toNumbers()).toEqual(expected.toNumbers());
    expect(cut(images).index(2).toNumbers()).toEqual(images.index(2).toNumbers());
  });

  it("has the gradients of finite differences", () => {
    gradcheck((images) => cut(images!), [random(3, 2, 4, 3)]);
  });
});

describe("augment", () => {
  const count = 3000;
  /** The least and the largest number, and the mean. */
  const range = (values: number[]) => [
    Math.min(...values),
    Math.max(...values),
    values.reduce((sum, value) => sum + value) / values.length,
  ];
  function expectRange(values: number[], expected: [number, number, number]): void {
    for (const [i, value] of range(values).entries())
      expect(Math.abs(value - expected[i]!)).toBeLessThan(0.03);
  }

  it("draws brightness of −½ to ½, contrast of ½ to 3/2, and saturation of 0 to 2", () => {
    // Two gray pixels, −1 and 1: brightness ± contrast.
    const gray = full([count, 3, 1, 2], 1).mul(tensor([-1, 1]));
    const [dark, light] = augment(gray, only("color")).select(1, 0).squeeze(1).unbind(1) as [Tensor, Tensor];
    const [brightness, contrast] = [light.add(dark).div(2), light.sub(dark).div(2)];
    expectRange(brightness.toNumbers(), [-0.5, 0.5, 0]);
    expectRange(contrast.toNumbers(), [0.5, 1.5, 1]);
    // One pixel of red 1, green 0, blue −1: its difference is contrast · saturation, in a second image of gray contrast.
    const colored = full([count, 1, 2, 1], 1)
      .mul(tensor([1, 0, -1]).view(1, 3, 1, 1))
      .add(tensor([-1, 1]).view(1, 1, 2, 1));
    const seen = augment(colored, only("color"));
    const at = (channel: number, row: number) => seen.select(1, channel).select(1, row).squeeze(1);
    const ownContrast = at(1, 1).sub(at(1, 0)).div(2);
    expectRange(at(0, 0).sub(at(2, 0)).div(2).div(ownContrast).toNumbers(), [0, 2, 1]);
  });

  it("moves by up to an eighth of the size, each distance equally often", () => {
    // A black pixel in the middle of white: its place is the movement.
    const images = built([1, 1, 16, 16], (_, __, y, x) => (y === 8 && x === 8 ? -1 : 1)).expand(
      count,
      -1,
      -1,
      -1,
    );
    const moved = augment(images, only("translation"));
    const place = (dim: number) => moved.amin([1, dim === 2 ? 3 : 2]).argmin(1).toNumbers(); // biome-ignore format: one line
    for (const dim of [2, 3]) {
      const counts = new Map<number, number>();
      for (const one of place(dim)) counts.set(one - 8, (counts.get(one - 8) ?? 0) + 1);
      expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
      for (const times of counts.values()) expect(Math.abs(times / count - 1 / 5)).toBeLessThan(0.04);
    }
  });

  it("pads with the configured value", () => {
    const images = full([64, 3, 8, 8], 0);
    const values = (padding: number) =>
      new Set(augment(images, { policy: ["translation"], padding }).toNumbers());
    expect(values(1)).toEqual(new Set([0, 1]));
    expect(values(-0.5)).toEqual(new Set([0, -0.5]));
  });

  it("cuts out a square of half the size, or less at a border", () => {
    const cut = augment(full([count, 1, 8, 8], 1), only("cutout"));
    const missing = cut.neg().add(1).sum([1, 2, 3]).toNumbers();
    expect(Math.max(...missing)).toBe(16);
    expect(Math.min(...missing)).toBe(4); // The center is in a corner.
    const [rows, columns] = [3, 2].map((dim) => cut.amin([1, dim]).lt(1).to("float32").sum(1).toNumbers());
    expect(missing).toEqual(rows!.map((height, i) => height * columns![i]!));
    // The center has 9 places per dimension, and a pixel of the middle is cut out by 4 of them.
    const inMiddle = cut.select(1, 0).index(slice(), 4, 4).eq(0).to("float32").mean().item();
    expect(Math.abs(inMiddle - (4 / 9) ** 2)).toBeLessThan(0.03);
  });

  it("changes every image by random numbers of its own, the same for the same seed", () => {
    const images = rand([1, 3, 8, 8]).expand(8, -1, -1, -1);
    const seen = () => augment(images, only("color", "translation", "cutout"));
    const [first, second] = [seen(), seen()];
    const distinct = new Set(Array.from({ length: 8 }, (_, b) => first.index(b).toNumbers().join()));
    expect(distinct.size).toBe(8);
    expect(second.toNumbers()).not.toEqual(first.toNumbers());
    manualSeed(1);
    rand([1, 3, 8, 8]);
    expect(seen().toNumbers()).toEqual(first.toNumbers());
  });

  it("changes images with the given probability", () => {
    const images = built([1, 3, 8, 8], (_, c, y, x) => Math.sin(3 * c + 5 * y + x)).expand(count, -1, -1, -1);
    const changed = (policy: AugmentPolicy, probability: number) => {
      const difference = augment(images, only(policy), probability).sub(images).abs().amax([1, 2, 3]);
      return difference.gt(1e-9).to("float32").mean().item();
    };
    for (const policy of ["color", "translation", "cutout"] as const) expect(changed(policy, 0)).toBe(0);
    expect(changed("cutout", 1)).toBe(1);
    expect(changed("cutout", 0.3)).toBeCloseTo(0.3, 1);
    expect(changed("translation", 0.3)).toBeCloseTo((0.3 * 8) / 9, 1); // One of nine movements is none.
    expect(changed("color", 0.3)).toBeCloseTo(1 - 0.7 ** 3, 1); // Three changes, each by itself.
  });

  it("uses no random numbers without a policy or with probability 0", () => {
    const images = rand([2, 3, 8, 8]);
    const next = (policy: AugmentPolicy[], probability: number) => {
      manualSeed(4);
      expect(augment(images, only(...policy), probability)).toBe(images);
      return rand([1]).item();
    };
    manualSeed(4);
    const expected = rand([1]).item();
    expect([next([], 1), next(["color"], 0)]).toEqual([expected, expected]);
  });

  it.each(["float32", "bfloat16"] as const)("keeps %s and the layout", (dtype) => {
    const images = rand([4, 3, 8, 8]).to({ dtype, memoryFormat: "channels_last" });
    for (const probability of [1, 0.5]) {
      const seen = augment(images, only("color", "translation", "cutout"), probability);
      expect([seen.dtype, seen.shape]).toEqual([dtype, images.shape]);
      expect(seen.isContiguous("channels_last")).toBe(true);
      const planes = augment(images.contiguous(), only("translation"), probability);
      expect(planes.isContiguous()).toBe(true);
    }
  });

  it("rounds in bfloat16 only", () => {
    const images = rand([16, 3, 8, 8]).mul(2).sub(1);
    const seen = (dtype: "float32" | "bfloat16") => {
      manualSeed(5);
      return augment(images.to(dtype), only("color", "translation", "cutout")).to("float32");
    };
    expect(largestDifference(seen("bfloat16"), seen("float32"))).toBeLessThan(0.03);
  });
});
