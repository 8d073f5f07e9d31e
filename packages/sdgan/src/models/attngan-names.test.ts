import { randn, type Tensor } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { attnganDiscriminatorName, attnganGeneratorName, loadAttnganState } from "./attngan-names.js";
import { Discriminator } from "./discriminator.js";
import { Generator, type GeneratorOptions } from "./generator.js";

const options: GeneratorOptions = {
  width: 1,
  stages: 4,
  firstSize: 16,
  residualBlocks: 3,
  noise: 2,
  condition: 2,
  textWidth: 3,
  scbn: ["none", "none", "none", "none"],
  scbnHidden: 1,
};

describe("AttnGAN's names", () => {
  it.each([
    [1, 8],
    [2, 64],
    [3, 64],
    [4, 16],
  ])("take a generator of %d stages from %d there and back", (stages, firstSize) => {
    const make = () => new Generator({ ...options, stages, firstSize });
    const [one, other] = [make(), make()];
    const state = theirs(one, attnganGeneratorName);
    loadAttnganState(other, state, attnganGeneratorName);
    expectSame(one.stateDict(), other.stateDict());
  });

  it.each([8, 16, 32, 64, 128, 256, 512])("convert a discriminator of %d pixels and back", (imageSize) => {
    const make = () => new Discriminator({ width: 1, imageSize, textWidth: 3 });
    const [one, other] = [make(), make()];
    const name = (ours: string) => attnganDiscriminatorName(ours, imageSize);
    loadAttnganState(other, theirs(one, name), name);
    expectSame(one.stateDict(), other.stateDict());
  });

  it("are the published code's", () => {
    expect(attnganGeneratorName("first.upBlocks.3.norm.running_var")).toBe("h_net1.upsample4.2.running_var");
    expect(attnganGeneratorName("later.1.residual.0.conv2.weight")).toBe("h_net3.residual.0.block.3.weight");
    expect(attnganDiscriminatorName("down.5.conv.weight", 256)).toBe("img_code_s64.0.weight");
    expect(attnganDiscriminatorName("narrow.1.norm.bias", 256)).toBe("img_code_s64_2.1.bias");
    expect(attnganDiscriminatorName("narrow.0.conv.weight", 128)).toBe("img_code_s32_1.0.weight");
  });

  it("throw for tensors that AttnGAN does not have or that are missing from the state", () => {
    const conditioned = new Generator({ ...options, scbn: ["sentence", "none", "none", "none"] });
    expect(() => theirs(conditioned, attnganGeneratorName)).toThrow(
      /no name for first\.upBlocks\.0\.norm\.sentence/,
    );
    const plain = new Generator(options);
    const state = theirs(plain, attnganGeneratorName);
    state.delete("img_net1.img.0.weight");
    expect(() => loadAttnganState(plain, state, attnganGeneratorName)).toThrow(
      /lacks img_net1\.img\.0\.weight/,
    );
  });
});

/** A network's state as AttnGAN would save it: unique names, pointwise layers as convolutions. */
function theirs(network: Generator | Discriminator, name: (ours: string) => string): Map<string, Tensor> {
  const state = new Map<string, Tensor>();
  for (const [ours, tensor] of network.stateDict()) {
    const key = name(ours);
    expect(state.has(key), key).toBe(false);
    const value = tensor.dtype === "float32" ? randn(tensor.shape) : tensor;
    tensor.detach().copy_(value);
    state.set(key, ours.endsWith("attention.project.weight") ? value.unsqueeze(2).unsqueeze(3) : value);
  }
  return state;
}

function expectSame(actual: Map<string, Tensor>, expected: Map<string, Tensor>): void {
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, tensor] of actual) expect(tensor.equal(expected.get(name)!), name).toBe(true);
}
