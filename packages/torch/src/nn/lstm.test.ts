import { describe, expect, it } from "vitest";
import { manualSeed, noGrad, randn, type Tensor } from "../index.js";
import { formula } from "../testing/formula.js";
import { gradcheck } from "../testing/gradcheck.js";
import { BidirectionalLstm } from "./lstm.js";

/** Parameters by a formula, in PyTorch's order. */
function made(inputSize: number, hiddenSize: number): BidirectionalLstm {
  const lstm = new BidirectionalLstm(inputSize, hiddenSize).to({ dtype: "float64" });
  noGrad(() => {
    for (const [i, parameter] of lstm.parameters().entries())
      parameter.copy_(formula(parameter.shape, 0.37, i));
  });
  return lstm;
}

const row = (tensor: Tensor, i: number) => tensor.narrow(0, i, 1);

describe("BidirectionalLstm", () => {
  it("has PyTorch's names in PyTorch's order", () => {
    const names = [...new BidirectionalLstm(3, 2).stateDict().keys()];
    expect(names).toEqual(["", "_reverse"].flatMap((end) => [`weight_ih_l0${end}`, `weight_hh_l0${end}`, `bias_ih_l0${end}`, `bias_hh_l0${end}`])); // biome-ignore format: one list
  });

  it("equals PyTorch's packed nn.LSTM for any order of the sentences", () => {
    const { output, last } = made(3, 2).forward(formula([2, 3, 3]), [2, 3]);
    const expectedOutput = [
      -0.3210879512, -0.4038300714, 0.1518977175, 0.2454026927, -0.1086212407, -0.1243139362, 0.3908750489,
      0.2880613772, 0.0, 0.0, 0.0, 0.0, -0.3228886885, -0.4084085368, 0.1591265185, 0.3250368104,
      -0.1044054008, -0.1197136761, 0.4046847181, 0.3138082882, 0.0156843228, -0.0105994387, 0.2730070969,
      0.6090355876,
    ];
    const expectedLast = [-0.1086212407, -0.1243139362, 0.1518977175, 0.2454026927, 0.0156843228, -0.0105994387, 0.1591265185, 0.3250368104]; // biome-ignore format: numbers
    for (const [i, value] of output.toNumbers().entries()) expect(value).toBeCloseTo(expectedOutput[i]!, 9);
    for (const [i, value] of last.toNumbers().entries()) expect(value).toBeCloseTo(expectedLast[i]!, 9);
  });

  it("gives the same result for a single sentence without padding", () => {
    manualSeed(3);
    const lstm = made(4, 3);
    const input = randn([3, 5, 4], { dtype: "float64" });
    const lengths = [2, 5, 3];
    const { output, last } = lstm.forward(input, lengths);
    for (const [i, length] of lengths.entries()) {
      const alone = lstm.forward(row(input, i).narrow(1, 0, length), [length]);
      const difference = row(output, i).narrow(1, 0, length).sub(alone.output).abs().sum().item();
      expect(difference).toBeLessThan(1e-12);
      expect(row(last, i).sub(alone.last).abs().sum().item()).toBeLessThan(1e-12);
    }
  });

  it("ignores the padding, forward and backward", () => {
    const lstm = made(2, 2);
    const input = formula([2, 4, 2]);
    const expected = lstm.forward(input, [4, 2]);
    const filled = input.clone();
    filled.select(0, 1).narrow(0, 2, 2).fill_(Number.NaN);
    filled.requiresGrad = true;
    const { output, last } = lstm.forward(filled, [4, 2]);
    expect(output.toNumbers()).toEqual(expected.output.toNumbers());
    expect(last.toNumbers()).toEqual(expected.last.toNumbers());
    output.sum().add(last.sum()).backward();
    expect(filled.grad!.select(0, 1).narrow(0, 2, 2).toNumbers()).toEqual([0, 0, 0, 0]);
  });

  it("has gradients that agree with finite differences, with padding", () => {
    const lstm = made(2, 2);
    const outputs = (input: Tensor) => Object.values(lstm.forward(input, [1, 3])) as Tensor[];
    expect(gradcheck((x) => outputs(x!), [formula([2, 3, 2]), ...lstm.parameters()])).toBeLessThan(1e-5);
  });

  it("refuses wrong lengths, and inputs of another width", () => {
    const lstm = made(2, 2);
    const input = formula([2, 3, 2]);
    for (const wrong of [[1], [1, 2, 3], [0, 1], [1, 4], [1, Number.NaN], [1.5, 1], [-1, 1], []]) {
      expect(() => lstm.forward(input, wrong), String(wrong)).toThrow(/BidirectionalLstm: /);
    }
    expect(() => lstm.forward(formula([2, 3, 5]), [1, 2])).toThrow(/aten::lstm.data/);
  });
});
