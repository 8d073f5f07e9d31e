import { describe, expect, it } from "vitest";
import { UserError } from "./errors.js";
import { formatManifest, parseManifest } from "./model-manifest.js";

const file = (digit: string) => ({ sha256: digit.repeat(64), bytes: 7 });
const manifest = {
  format: "sdgan-model" as const,
  version: 1 as const,
  name: "birds",
  description: "Birds of invented species, 64 pixels.",
  license: "Apache-2.0",
  networks: {
    textEncoder: { file: "text-encoder.onnx" },
    generator: {
      file: "generator.onnx",
      images: ["image_16", "image_32", "image_64"],
      attentions: ["attention_32", "attention_64"],
    },
  },
  sizes: { images: [16, 32, 64], noise: 100, condition: 100, text: 128, maxWords: 18 },
  tokenizer: "unicode" as const,
  vocabulary: { file: "vocabulary.json", words: 90 },
  training: {
    ...{ data: "sdgan's birds", dataLicense: "Apache-2.0", images: 6000, steps: 5000, seed: 0 },
    ...{ preset: "birds-64", version: "0.1.0" },
  },
  files: { "text-encoder.onnx": file("0"), "generator.onnx": file("a"), "vocabulary.json": file("f") },
};

describe("the manifest", () => {
  it("survives writing and reading, with defaults for optional fields", () => {
    const text = formatManifest(manifest);
    const parsed = parseManifest(text, "model.json");
    expect(parsed).toMatchObject(manifest);
    expect(parsed.networks.generator).toMatchObject({ gammas: [], betas: [] });
    expect(parsed.training).toMatchObject({ settings: [], commands: [] });
    expect(formatManifest(parsed)).toBe(text);
  });

  const { networks, sizes, files } = manifest;
  const { "generator.onnx": _, ...filesWithoutGenerator } = files;
  it.each<[string, unknown, string]>([
    ["not JSON", undefined, "SyntaxError"],
    ["something else", [], "expected object"],
    ["another format", { ...manifest, format: "onnx" }, "format"],
    ["a newer version", { ...manifest, version: 2 }, "version 2, expected 1"],
    ["an unknown tokenizer", { ...manifest, tokenizer: "bpe" }, "tokenizer"],
    ["an unknown key", { ...manifest, weights: "x" }, "weights"],
    ["a key that controls a terminal", { ...manifest, "\x1b[2J": 1 }, "\\x1b[2J"],
    ["no license", { ...manifest, license: "" }, "license"],
    [
      "an invalid hash",
      { ...manifest, files: { ...files, x: { sha256: "ab", bytes: 1 } } },
      "64 hexadecimal",
    ],
    ["a file in another folder", { ...manifest, files: { ...files, "../x": file("1") } }, "files"],
    [
      "a network in another folder",
      { ...manifest, networks: { ...networks, textEncoder: { file: "/etc/passwd" } } },
      "a file's name, without folders",
    ],
    ["a file without a hash", { ...manifest, files: filesWithoutGenerator }, 'is not among "files"'],
    [
      "a file with the name of a method",
      { ...manifest, vocabulary: { file: "constructor", words: 9 } },
      "is not among",
    ],
    [
      "sizes that do not double",
      { ...manifest, sizes: { ...sizes, images: [16, 32, 48] } },
      "twice the size",
    ],
    ["a side of 2,048 pixels", { ...manifest, sizes: { ...sizes, images: [512, 1024, 2048] } }, "<=1024"],
    ["a wide z", { ...manifest, sizes: { ...sizes, noise: 1e12 } }, "<=4096"],
    ["a long caption", { ...manifest, sizes: { ...sizes, maxWords: 1e9 } }, "<=512"],
    ["a huge vocabulary", { ...manifest, vocabulary: { file: "vocabulary.json", words: 1e7 } }, "<=1000000"],
    ["a name that controls a terminal", { ...manifest, name: "birds\x1b[2J" }, "no control characters"],
    [
      "an output named twice",
      {
        ...manifest,
        networks: { ...networks, generator: { ...networks.generator, gammas: networks.generator.images } },
      },
      "named twice",
    ],
    [
      "an output that is γ_c and β_c",
      {
        ...manifest,
        networks: { ...networks, generator: { ...networks.generator, gammas: ["a"], betas: ["a"] } },
      },
      "named twice",
    ],
    [
      "a stage without an output",
      { ...manifest, sizes: { ...sizes, images: [16, 32] } },
      "one output for each of 2",
    ],
  ])("refuses %s, on one line", (_, value, found) => {
    const parse = () => parseManifest(value === undefined ? "{" : JSON.stringify(value), "birds/model.json");
    expect(parse).toThrow(UserError);
    expect(parse).toThrow(/^birds\/model\.json: not the manifest of a model \(.+\)\. Export .+$/);
    expect(parse).toThrow(found);
    expect(parse).toThrow(expect.objectContaining({ code: "model.invalid" }));
  });
});
