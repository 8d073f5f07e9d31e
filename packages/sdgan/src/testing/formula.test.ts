import { tensor } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { formulaTensor, formulaValue, shapeOf } from "./formula.js";

describe("a formula of the golden files", () => {
  it.each<[string, (i: number) => number]>([
    ["sin(0.7 i + 0)", (i) => Math.sin(0.7 * i)],
    ["sin(0.7 i + 1.25)", (i) => Math.sin(0.7 * i + 1.25)],
    ["sin(0.7 i - 2)", (i) => Math.sin(0.7 * i - 2)],
    ["1.3 cos(0.31 i + 0.5) + 0.2", (i) => 1.3 * Math.cos(0.31 * i + 0.5) + 0.2],
    ["exp(2 sin(0.9 i + 3e-1))", (i) => Math.exp(2 * Math.sin(0.9 * i + 0.3))],
    ["1 - i / 4", (i) => 1 - i / 4],
    ["2/(1+i)", (i) => 2 / (1 + i)],
    ["-(i+1)*k", (i) => -(i + 1) * 3],
    ["i*sqrt(2/(numel/shape[0]))", (i) => i * Math.sqrt(2 / (6 / 2))],
    ["0.5", () => 0.5],
  ])("%s is evaluated", (formula, expected) => {
    const value = formulaTensor(formula, [2, 3], { k: 3, numel: 6, "shape[0]": 2 });
    expect(value.shape).toEqual([2, 3]);
    for (const [i, one] of value.flatten(0).toNumbers().entries()) expect(one).toBeCloseTo(expected(i), 12);
  });

  it("takes tensors and numbers as variables", () => {
    expect(formulaValue("1+0.5v", { v: 4 })).toBe(3);
    const v = tensor([1, 2], { dtype: "float64" });
    expect(formulaTensor("1+0.5v", [2], { v }).toNumbers()).toEqual([1.5, 2]);
  });

  it.each([
    ["sin(0.7 j)", 'the formula "sin(0.7 j)" cannot be parsed at j: expected numbers, + - * / ( ), sin'],
    ["sin(0.7 i", "cannot be parsed at its end"],
    ["0.7 i)", "cannot be parsed at )"],
    ["i ^ 2", "cannot be parsed at ^ 2"],
    ["", "cannot be parsed at its end"],
  ])("%s is refused with the unknown part", (formula, message) => {
    expect(() => formulaValue(formula, { i: 1 })).toThrow(message);
  });

  it("has a shape of positive integers", () => {
    expect(shapeOf("2, 3,299,299")).toEqual([2, 3, 299, 299]);
    expect(() => shapeOf("2,x")).toThrow("[2,x] is not a shape");
  });
});
