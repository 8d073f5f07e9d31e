import { manualSeed, randn, tensor, zeros } from "@sdgan/torch";
import { gradcheck } from "@sdgan/torch/testing";
import { expect, it } from "vitest";
import { klLoss } from "./kl.js";

it("is −½ · mean(1 + log σ² − μ² − σ²)", () => {
  const mean = tensor([[1, -2]]);
  const logVariance = tensor([[0, Math.log(4)]]);
  // −½ · (1 + 0 − 1 − 1) = 0.5 and −½ · (1 + log 4 − 4 − 4)
  expect(klLoss(mean, logVariance).item()).toBeCloseTo((0.5 + (7 - Math.log(4)) / 2) / 2, 6);
  expect(klLoss(zeros([3, 5]), zeros([3, 5])).item()).toBeCloseTo(0, 12);
});

it("has the gradients of finite differences", () => {
  manualSeed(1);
  const random = () => randn([3, 4], { dtype: "float64" });
  gradcheck((mean, logVariance) => klLoss(mean!, logVariance!), [random(), random()]);
});
