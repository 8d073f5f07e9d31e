import { parseManifest, UserError } from "@sdgan/core";
import { describe, expect, it } from "vitest";
import { port } from "../testing/onnx-file.js";
import {
  generator,
  generatorInputs,
  generatorOutputs,
  textEncoder,
  textInputs,
  textOutputs,
  tinyModel,
} from "../testing/tiny-model.js";
import { checkGenerator, checkTextEncoder } from "./check-network.js";

const manifest = parseManifest(new TextDecoder().decode((await tinyModel())["model.json"]), "model.json");
/** The files of `tinyModel` have fixed ports; these are appended to an empty list of them. */
const [tokens, lengths] = textInputs as [Uint8Array, Uint8Array];
const [words, sentence] = textOutputs as [Uint8Array, Uint8Array];

describe("a network of the manifest", () => {
  it("is accepted", () => {
    checkTextEncoder(textEncoder(), manifest, "t.onnx");
    checkGenerator(generator(), manifest, "g.onnx");
    checkTextEncoder(textEncoder([], [tokens, lengths, words, sentence]), manifest, "t.onnx");
    // A rank that is not fixed, and a size that is fixed where others vary, are the runtime's business.
    checkTextEncoder(
      textEncoder([], [port(11, "tokens", 7, [1, "T"]), lengths, words, sentence]),
      manifest,
      "t.onnx",
    );
  });

  it.each<[string, Uint8Array[], string]>([
    ["no ports", [], 'its inputs are none, not "tokens", "lengths"'],
    ["a missing input", [tokens, words, sentence], 'its inputs are "tokens", not "tokens", "lengths"'],
    ["an input twice", [tokens, tokens, words, sentence], 'its inputs are "tokens", "tokens", not'],
    [
      "another output",
      [tokens, lengths, words, port(12, "image", 1, [])],
      'its outputs are "words", "image", not',
    ],
    [
      "another type",
      [tokens, port(11, "lengths", 6, ["B"]), words, sentence],
      '"lengths" has the element type 6, not 7',
    ],
    [
      "another rank",
      [port(11, "tokens", 7, ["B"]), lengths, words, sentence],
      '"tokens" has the shape [?], not [?, ?]',
    ],
    [
      "another width",
      [tokens, lengths, words, port(12, "sentence", 1, ["B", 6])],
      "the shape [?, 6], not [?, 5]",
    ],
  ])("is refused with %s", (_, ports, found) => {
    const check = () => checkTextEncoder(textEncoder([], ports), manifest, "birds/t.onnx");
    expect(check).toThrow(UserError);
    expect(check).toThrow(found);
    expect(check).toThrow(/^birds\/t\.onnx: not a network that can be run: .+ export the model again/);
    expect(check).toThrow(expect.objectContaining({ code: "model.invalid" }));
  });

  it("is refused if its sizes are not those of the manifest", () => {
    const { sizes } = manifest;
    for (const [changed, found] of [
      [{ ...sizes, noise: 5 }, '"z" has the shape [?, 4], not [?, 5]'],
      [{ ...sizes, condition: 5 }, '"epsilon" has the shape [?, 3], not [?, 5]'],
      [{ ...sizes, text: 6 }, '"words" has the shape [?, 5, ?], not [?, 6, ?]'],
      [{ ...sizes, images: [16, 32] }, '"image8" has the shape [?, 3, 8, 8], not [?, 3, 16, 16]'],
    ] as const) {
      const check = () =>
        checkGenerator(generator(), { ...manifest, sizes: { ...changed, images: [...changed.images] } }, "g");
      expect(check).toThrow(found);
    }
    const ports = [...generatorInputs, ...generatorOutputs.slice(0, 2)];
    expect(() => checkGenerator(generator([], ports), manifest, "g")).toThrow(
      'its outputs are "image8", "image16", not "image8", "image16", "attention16"',
    );
  });
});
