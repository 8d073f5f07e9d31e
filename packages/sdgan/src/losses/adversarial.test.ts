import { manualSeed, randn, type Tensor, tensor } from "@sdgan/torch";
import { gradcheck } from "@sdgan/torch/testing";
import { describe, expect, it } from "vitest";
import { type DiscriminatorLogits, discriminatorTerms, generatorTerms } from "./adversarial.js";
import { weightedSum } from "./terms.js";

const logitsOf = (unconditional: Tensor, conditional: Tensor) => ({ unconditional, conditional });
const discriminatorLoss = (...logits: Parameters<typeof discriminatorTerms>) =>
  weightedSum(discriminatorTerms(...logits));
const generatorLoss = (fake: DiscriminatorLogits) => weightedSum(generatorTerms(fake));

/** −log σ(x), by the formula. */
const surprise = (x: number) => -Math.log(1 / (1 + Math.exp(-x)));
const mean = (xs: number[]) => xs.reduce((sum, x) => sum + x, 0) / xs.length;
const onReal = (xs: number[]) => mean(xs.map(surprise));
const onFake = (xs: number[]) => mean(xs.map((x) => surprise(-x)));

describe("adversarial losses", () => {
  const [real, realOfSentence, fake, fakeOfSentence, wrong] = [
    [1.5, -0.25, 2],
    [0.5, 0, -1],
    [-0.75, 1, 0.125],
    [2, -3, 0.25],
    [-1.25, 0.5],
  ] as const;

  it("are the papers' sums of cross entropies", () => {
    const [ofReal, ofFake] = [
      logitsOf(tensor(real), tensor(realOfSentence)),
      logitsOf(tensor(fake), tensor(fakeOfSentence)),
    ];
    const expected =
      (onReal([...real]) + onReal([...realOfSentence])) / 2 +
      (onFake([...fake]) + onFake([...fakeOfSentence]) + onFake([...wrong])) / 3;
    expect(discriminatorLoss(ofReal, ofFake, tensor(wrong)).item()).toBeCloseTo(expected, 6);
    const deceived = onReal([...fake]) + onReal([...fakeOfSentence]);
    expect(generatorLoss(ofFake).item()).toBeCloseTo(deceived, 6);
  });

  it("are DF-GAN's hinge losses, in which wrong pairs weigh half", () => {
    const [ofReal, ofFake] = [
      logitsOf(tensor(real), tensor(realOfSentence)),
      logitsOf(tensor(fake), tensor(fakeOfSentence)),
    ];
    const below = (xs: readonly number[]) => mean(xs.map((x) => Math.max(0, 1 - x)));
    const above = (xs: readonly number[]) => mean(xs.map((x) => Math.max(0, 1 + x)));
    const expected =
      below(real) + above(fake) + below(realOfSentence) + above(fakeOfSentence) / 2 + above(wrong) / 2;
    expect(discriminatorLoss(ofReal, ofFake, tensor(wrong), "hinge").item()).toBeCloseTo(expected, 6);
    const deceived = weightedSum(generatorTerms(ofFake, "hinge")).item();
    expect(deceived).toBeCloseTo(-mean([...fake]) - mean([...fakeOfSentence]), 6);
  });

  it("of hinges have no gradient beyond the margin", () => {
    const logits = tensor([-2, -0.5, 0.5, 2], { requiresGrad: true });
    const none = tensor([0]);
    const loss = discriminatorLoss(logitsOf(logits, none), logitsOf(none, none), none, "hinge");
    loss.backward();
    expect(logits.grad!.add(0).toNumbers()).toEqual([-0.25, -0.25, -0.25, 0]);
  });

  it("are finite, with finite gradients, when a discriminator is certain", () => {
    const logits = tensor([-200, 200], { requiresGrad: true });
    const loss = generatorLoss(logitsOf(logits, logits));
    expect(loss.item()).toBeCloseTo(200, 4);
    loss.backward();
    expect(logits.grad!.toNumbers()).toEqual([-1, 0]);
  });

  it("have the gradients of finite differences", () => {
    manualSeed(1);
    const logits = [4, 4, 4, 4, 3].map((n) => randn([n], { dtype: "float64" }));
    gradcheck((a, b, c, d, e) => discriminatorLoss(logitsOf(a!, b!), logitsOf(c!, d!), e!), logits);
    gradcheck((a, b) => generatorLoss(logitsOf(a!, b!)), logits.slice(0, 2));
    gradcheck((a, b, c, d, e) => discriminatorLoss(logitsOf(a!, b!), logitsOf(c!, d!), e!, "hinge"), logits);
  });
});
