import { manualSeed, nn, randn, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { gradcheckAlongDirections, inGeneralPosition } from "./gradients.js";

const input = () => randn([3, 4], { dtype: "float64" });

beforeEach(() => manualSeed(1));

describe("gradcheckAlongDirections", () => {
  it("accepts correct gradients and restores the parameters", () => {
    const layer = inGeneralPosition(new nn.Linear(4, 2));
    const before = layer.weight.toNumbers();
    const x = input();
    gradcheckAlongDirections(layer, () => layer.forward(x).tanh(), [x]);
    expect(layer.weight.toNumbers()).toEqual(before);
  });

  it("detects an error of 1 in 10,000 in the gradient of an input or of a parameter", () => {
    const layer = inGeneralPosition(new nn.Linear(4, 2));
    const x = input();
    const lost = (tensor: Tensor) => tensor.mul(1 - 1e-4).add(tensor.detach(), 1e-4);
    expect(() => gradcheckAlongDirections(layer, () => layer.forward(lost(x)), [x])).toThrow(
      /finite differences/,
    );
    const wrong = () => x.matmul(lost(layer.weight).t()).add(layer.bias!);
    expect(() => gradcheckAlongDirections(layer, wrong, [])).toThrow(/gradient of Tensor float64\[2, 4\]/);
  });
});
