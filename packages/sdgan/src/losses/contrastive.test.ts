import { grad, manualSeed, randn, tensor, zeros } from "@sdgan/torch";
import { gradcheck } from "@sdgan/torch/testing";
import { describe, expect, it } from "vitest";
import { type ContrastiveOptions, contrastiveLoss, infoNceLoss } from "./contrastive.js";

type Distance = ContrastiveOptions["distance"];
const distances: Distance[] = ["raw", "perElement", "letter"];
const [alpha, epsilon] = [0.1, 1];

/** One pair of features of N = 4 elements; two elements differ, by 0.6·length and 0.8·length. */
function pair(length: number) {
  const v1 = tensor(
    [
      [
        [1, 2 + 0.6 * length],
        [3, 4 - 0.8 * length],
      ],
    ],
    { dtype: "float64" },
  );
  const v2 = tensor(
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
    { dtype: "float64" },
  );
  return [v1, v2] as const;
}

describe("contrastive loss by hand", () => {
  // raw: divided by 2N = 8. perElement: d is half of the length, and the loss is divided by 2.
  const cases: { distance: Distance; length: number; where: string; same: number; apart: number }[] = [
    { distance: "raw", length: 0.05, where: "d < α", same: 0.1 ** 2 / 8, apart: 0.95 ** 2 / 8 },
    { distance: "raw", length: 0.6, where: "α < d < ε", same: 0.36 / 8, apart: 0.16 / 8 },
    { distance: "raw", length: 5, where: "d > ε", same: 25 / 8, apart: 0 },
    { distance: "letter", length: 0.05, where: "d < α", same: 0.1 ** 2 / 2, apart: 0.95 ** 2 / 2 },
    { distance: "letter", length: 0.6, where: "α < d < ε", same: 0.36 / 2, apart: 0.16 / 2 },
    { distance: "letter", length: 5, where: "d > ε", same: 25 / 2, apart: 0 },
    { distance: "perElement", length: 0.1, where: "d < α", same: 0.1 ** 2 / 2, apart: 0.95 ** 2 / 2 },
    { distance: "perElement", length: 1.2, where: "α < d < ε", same: 0.36 / 2, apart: 0.16 / 2 },
    { distance: "perElement", length: 10, where: "d > ε", same: 25 / 2, apart: 0 },
  ];

  it.each(cases)("$distance, $where: $same for y = 1, $apart for y = 0", (given) => {
    const [v1, v2] = pair(given.length);
    for (const [y, expected] of [
      [1, given.same],
      [0, given.apart],
    ] as const) {
      const options = { alpha, epsilon, distance: given.distance };
      expect(contrastiveLoss(v1, v2, tensor([y]), options).item()).toBeCloseTo(expected, 9);
    }
  });

  it.each([
    ["below α", 5, 0.1 ** 2 / 2, (1 - 0.0872389) ** 2 / 2],
    ["between α and ε", 30, 0.5176381 ** 2 / 2, (1 - 0.5176381) ** 2 / 2],
    ["above ε", 90, Math.SQRT2 ** 2 / 2, 0],
  ])("unit, %s: features at an angle of %d degrees, of any lengths", (_, degrees, same, apart) => {
    const angle = (degrees * Math.PI) / 180;
    const v1 = tensor([[7, 0]], { dtype: "float64" });
    const v2 = tensor([[0.5 * Math.cos(angle), 0.5 * Math.sin(angle)]], { dtype: "float64" });
    const options = { alpha, epsilon, distance: "unit" } as const;
    expect(contrastiveLoss(v1, v2, tensor([1]), options).item()).toBeCloseTo(same, 6);
    expect(contrastiveLoss(v1, v2, tensor([0]), options).item()).toBeCloseTo(apart, 6);
  });

  it("is a mean over the pairs", () => {
    const v1 = tensor([
      [0.6, 0.8],
      [3, 4],
      [0.03, 0.04],
    ]);
    const loss = contrastiveLoss(v1, zeros([3, 2]), tensor([1, 1, 0]), { alpha, epsilon, distance: "raw" });
    expect(loss.item()).toBeCloseTo((1 + 25 + 0.95 ** 2) / 4 / 3, 6);
  });

  it("is Hadsell's loss where α = 0", () => {
    const v1 = tensor(
      [
        [0.03, 0.04],
        [0.3, 0.4],
        [0.03, 0.04],
        [0.3, 0.4],
      ],
      { dtype: "float64" },
    );
    const same = tensor([1, 1, 0, 0]);
    const hadsell = (0.05 ** 2 + 0.5 ** 2 + 0.95 ** 2 + 0.5 ** 2) / 2 / 4;
    const options = { alpha: 0, epsilon, distance: "raw" } as const;
    expect(contrastiveLoss(v1, zeros([4, 2], { dtype: "float64" }), same, options).item() * 2).toBeCloseTo(
      hadsell,
      9,
    );
  });
});

describe("InfoNCE", () => {
  const unit = (degrees: number[]) =>
    tensor(
      degrees.map((angle) => [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)]),
      { dtype: "float64" },
    );
  const cos = (degrees: number) => Math.cos((degrees * Math.PI) / 180);
  const temperature = 0.5;
  const crossEntropy = (right: number, wrong: number[]) =>
    Math.log([right, ...wrong].reduce((sum, score) => sum + Math.exp(score / temperature), 0)) -
    right / temperature;

  it("is the cross entropy of identifying the other caption, for pairs with y = 1, both ways", () => {
    const v1 = unit([0, 40, 100]).mul(3); // The length does not matter.
    const v2 = unit([10, 90, 170]);
    const same = tensor([1, 0, 1], { dtype: "float64" });
    const expected = [
      crossEntropy(cos(10), [cos(90), cos(170)]), // v1_1 among all v2
      crossEntropy(cos(10), [cos(30), cos(90)]), // v2_1 among all v1
      crossEntropy(cos(70), [cos(90), cos(10)]), // v1_3
      crossEntropy(cos(70), [cos(170), cos(130)]), // v2_3
    ].reduce((sum, one) => sum + one / 4, 0);
    expect(infoNceLoss(v1, v2, same, undefined, { temperature }).item()).toBeCloseTo(expected, 9);
    // The third pair is of the first one's class, so neither is a wrong answer for the other.
    const classIds = tensor([5, 6, 5], { dtype: "int64" });
    const masked = [
      crossEntropy(cos(10), [cos(90)]),
      crossEntropy(cos(10), [cos(30)]),
      crossEntropy(cos(70), [cos(10)]),
      crossEntropy(cos(70), [cos(130)]),
    ].reduce((sum, one) => sum + one / 4, 0);
    expect(infoNceLoss(v1, v2, same, [classIds, classIds], { temperature }).item()).toBeCloseTo(masked, 9);
  });

  it("is 0 without pairs with y = 1, and its gradients are those of finite differences", () => {
    manualSeed(4);
    const [v1, v2] = [randn([4, 3], { dtype: "float64" }), randn([4, 3], { dtype: "float64" })];
    const none = tensor([0, 0, 0, 0], { dtype: "float64" });
    const oneClass = tensor([1, 1, 1, 1], { dtype: "int64" });
    expect(infoNceLoss(v1, v2, none, [oneClass, oneClass], { temperature }).item()).toBe(0);
    const same = tensor([1, 0, 1, 0], { dtype: "float64" });
    const classIds = tensor([1, 2, 3, 1], { dtype: "int64" });
    gradcheck((a, b) => infoNceLoss(a!, b!, same, [classIds, classIds], { temperature }), [v1, v2]);
  });
});

describe("contrastive loss's gradient", () => {
  it.each(distances)("agrees with finite differences in all three regions: %s", (distance) => {
    manualSeed(1);
    const [pairs, N] = [6, 6];
    const scale = distance === "perElement" ? Math.sqrt(N) : 1;
    const direction = randn([pairs, N], { dtype: "float64" });
    const lengths = tensor([[0.04], [0.04], [0.6], [0.6], [3], [3]], { dtype: "float64" }).mul(scale);
    const v2 = randn([pairs, N], { dtype: "float64" });
    const v1 = v2.add(direction.div(direction.norm(1, true)).mul(lengths));
    const same = tensor([1, 0, 1, 0, 1, 0], { dtype: "float64" });
    for (const least of [alpha, 0]) {
      const options = { alpha: least, epsilon, distance };
      gradcheck(
        (a, b) => contrastiveLoss(a!.view(pairs, 2, 3), b!.view(pairs, 2, 3), same, options),
        [v1, v2],
      );
    }
  });

  it("agrees with finite differences for unit lengths", () => {
    manualSeed(2);
    const v1 = randn([6, 6], { dtype: "float64" });
    const near = v1.add(randn([6, 6], { dtype: "float64" }).mul(0.3)).mul(3);
    const same = tensor([1, 0, 1, 0, 1, 0], { dtype: "float64" });
    for (const v2 of [near, randn([6, 6], { dtype: "float64" })]) {
      const options = { alpha, epsilon, distance: "unit" } as const;
      gradcheck((a, b) => contrastiveLoss(a!, b!, same, options), [v1, v2]);
    }
  });

  it.each(distances)("is exactly zero where the formula is flat: %s", (distance) => {
    const flat = [
      { length: 0.05, same: 1 },
      { length: 10, same: 0 },
    ];
    for (const { length, same } of flat)
      expect(gradientOf(length, same, distance, alpha)).toEqual(new Array(8).fill(0));
  });

  it.each(distances)("is not zero elsewhere: %s", (distance) => {
    const sloping = [
      { length: 0.1, same: 0 },
      { length: 0.8, same: 0 },
      { length: 0.8, same: 1 },
      { length: 10, same: 1 },
    ];
    for (const { length, same } of sloping)
      expect(gradientOf(length, same, distance, alpha).some((x) => x !== 0)).toBe(true);
  });

  it.each(distances)("is finite for two equal images, and zero: %s", (distance) => {
    for (const same of [0, 1]) {
      for (const least of [alpha, 0])
        expect(gradientOf(0, same, distance, least)).toEqual(new Array(8).fill(0));
    }
  });
});

/** The gradients for both features, with −0 as 0. */
function gradientOf(length: number, same: number, distance: Distance, least: number): number[] {
  const [v1, v2] = pair(length);
  v1.requiresGrad = true;
  v2.requiresGrad = true;
  const loss = contrastiveLoss(v1, v2, tensor([same]), { alpha: least, epsilon, distance });
  return grad([loss], [v1, v2]).flatMap((gradient) => gradient.add(0).toNumbers());
}
