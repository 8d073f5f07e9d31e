import { manualSeed, randn, type Tensor } from "@sdgan/torch";
import { beforeEach, describe, expect, it } from "vitest";
import { gradcheckAlongDirections, inGeneralPosition } from "../testing/gradients.js";
import { AttributeClassifier } from "./attribute-classifier.js";

beforeEach(() => manualSeed(1));

describe("attribute classifier", () => {
  it("returns logits for every attribute's values", () => {
    const logits = new AttributeClassifier([10, 3, 2], 2).forward(randn([4, 3, 64, 64]));
    expect(logits.map(({ shape }) => shape)).toEqual([
      [4, 10],
      [4, 3],
      [4, 2],
    ]);
  });

  it("returns the features of its logits, averaged over places", () => {
    const attributeClassifier = new AttributeClassifier([3], 2).eval();
    const image = randn([4, 3, 64, 64]);
    const { features, logits } = attributeClassifier.extract(image);
    expect(features.shape).toEqual([4, 16]);
    expect(logits[0]!.toNumbers()).toEqual(attributeClassifier.forward(image)[0]!.toNumbers());
    const hidden = attributeClassifier.blocks.reduce((input: Tensor, block) => block.forward(input), image);
    expect(features.toNumbers()).toEqual(hidden.mean([2, 3]).toNumbers());
  });

  it("has the gradients of finite differences", () => {
    const attributeClassifier = inGeneralPosition(new AttributeClassifier([3, 2], 1), 0.1);
    const image = randn([2, 3, 64, 64], { dtype: "float64" });
    gradcheckAlongDirections(attributeClassifier, () => attributeClassifier.forward(image), [image]);
  });
});
