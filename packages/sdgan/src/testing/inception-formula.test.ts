import { zeros } from "@sdgan/torch";
import { expect, it } from "vitest";
import { inceptionInput, inceptionWeights } from "./inception-formula.js";

const formula =
  "state_dict names sorted: v=sin(0.4 i + 1.1 k + 0.6); running_var 2+0.3v; bn.weight 1-0.2v; " +
  "running_mean and every .bias 0.7v; all else v*sqrt(3/(numel/shape[0])). Input: cos(0.02 i - 1) as [1,3,2,2].";
const names = ["a.bn.bias", "a.bn.running_var", "a.bn.weight", "a.conv.weight"];
const state = new Map(names.map((name) => [name, zeros(name === "a.conv.weight" ? [2, 3] : [2])]));

it("weights equal the formulas, with their phases, factors and constants", () => {
  const weights = inceptionWeights(state, { metadata: { formula, names: '["a.bn.bi' } });
  const v = (k: number, i: number) => Math.sin(0.4 * i + 1.1 * k + 0.6);
  const expected = [
    (k: number, i: number) => 0.7 * v(k, i),
    (k: number, i: number) => 2 + 0.3 * v(k, i),
    (k: number, i: number) => 1 - 0.2 * v(k, i),
    (k: number, i: number) => v(k, i) * Math.sqrt(3 / (6 / 2)),
  ];
  for (const [k, name] of names.entries()) {
    const found = weights.get(name)!;
    expect(found.shape).toEqual(state.get(name)!.shape);
    for (const [i, value] of found.flatten(0).toNumbers().entries())
      expect(value).toBeCloseTo(expected[k]!(k, i), 12);
  }
});

it("the auxiliary classifier's 14 tensors are counted if the file's names include them", () => {
  const [without, counted] = ['["a.bn', '["AuxLogits.conv0.bn.bi'].map((cut) =>
    inceptionWeights(state, { metadata: { formula, names: cut } })
      .get("a.bn.bias")!
      .toNumbers(),
  );
  expect(without![0]).toBeCloseTo(0.7 * Math.sin(0.6), 12);
  // "AuxLogits" comes before "a" in the order of code points.
  expect(counted![0]).toBeCloseTo(0.7 * Math.sin(1.1 * 14 + 0.6), 12);
});

it("the input has the formula's shape and phase, and unknown forms are refused", () => {
  const input = inceptionInput({ metadata: { formula } });
  expect(input.shape).toEqual([1, 3, 2, 2]);
  expect(input.flatten(0).toNumbers()[5]).toBeCloseTo(Math.cos(0.02 * 5 - 1), 12);
  expect(() => inceptionInput({ metadata: { formula: "all ones" } })).toThrow(
    /of an unknown form: "all ones"/,
  );
});
