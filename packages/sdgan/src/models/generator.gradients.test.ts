import { manualSeed, randn } from "@sdgan/torch";
import { beforeEach, describe, it } from "vitest";
import { gradcheckAlongDirections, gradcheckNetwork, inGeneralPosition } from "../testing/gradients.js";
import { randomText } from "../testing/text.js";
import {
  ConditioningAugmentation,
  FirstStage,
  Generator,
  type GeneratorOptions,
  LaterStage,
  ResidualBlock,
  UpBlock,
} from "./generator.js";

const options: GeneratorOptions = {
  width: 2,
  stages: 2,
  firstSize: 8,
  residualBlocks: 1,
  noise: 2,
  condition: 3,
  textWidth: 4,
  scbn: ["both", "both"],
  scbnHidden: 3,
};
const dtype = "float64";
const random = (...shape: number[]) => randn(shape, { dtype });
const captions = () => randomText([2, 3, 1], options.textWidth, { dtype });

beforeEach(() => manualSeed(1));

describe("gradients of the generator's layers are those of finite differences", () => {
  it("conditioning augmentation", () => {
    const module = inGeneralPosition(new ConditioningAugmentation(4, 3));
    const [sentence, epsilon] = [random(3, 4), random(3, 3)];
    const fn = () => {
      const { code, mean, logVariance } = module.forward(sentence, epsilon);
      return [code, mean, logVariance];
    };
    gradcheckNetwork(module, fn, [sentence]);
  });

  it.each(["none", "sentence", "word", "both"] as const)("up-block: %s", (kind) => {
    const block = inGeneralPosition(new UpBlock(3, 2, options, kind));
    const [input, text] = [random(3, 3, 2, 2), captions()];
    gradcheckNetwork(
      block,
      () => block.forward(input, text),
      kind === "none" ? [input] : [input, text.words],
    );
  });

  it("residual block", () => {
    const block = inGeneralPosition(new ResidualBlock(2));
    const input = random(2, 2, 3, 4);
    gradcheckNetwork(block, () => block.forward(input), [input]);
  });

  it("first stage", () => {
    const stage = inGeneralPosition(new FirstStage(options, "both"));
    const [code, text] = [random(3, 5), captions()];
    gradcheckAlongDirections(stage, () => stage.forward(code, text), [code, text.words, text.sentence]);
  });

  it("later stage", () => {
    const stage = inGeneralPosition(new LaterStage(options, "both"));
    const [hidden, text] = [random(3, 2, 2, 2), captions()];
    const fn = () => {
      const output = stage.forward(hidden, text);
      return [output.hidden, output.attention];
    };
    gradcheckAlongDirections(stage, fn, [hidden, text.words, text.sentence]);
  });

  it("the whole generator", () => {
    const generator = inGeneralPosition(new Generator(options));
    const [noise, epsilon, text] = [random(3, 2), random(3, 3), captions()];
    const fn = () => {
      const { images, mean, logVariance } = generator.forward(noise, text, epsilon);
      return [...images, mean, logVariance];
    };
    gradcheckAlongDirections(generator, fn, [noise, text.words, text.sentence]);
  });
});
