/** For tests: a model of two stages whose networks are a few operators with random weights. */
import { formatManifest, normalNoise, Vocabulary } from "@sdgan/core";
import { sha256Of } from "../sha256.js";
import { int, ints, modelFile, node, port, tensor, text } from "./onnx-file.js";

export const vocabulary = Vocabulary.build(["a small red bird with black wings and a long tail"], "unicode");

export const sizes = { images: [8, 16], noise: 4, condition: 3, text: 5, maxWords: 6 };

/** The files of a model, by name. */
export type Files = Record<string, Uint8Array<ArrayBuffer>>;

/**
 * @param networks replacements of the ONNX files
 * @param betas the names of the generator's outputs with β_c
 */
export async function tinyModel(
  networks: { textEncoder?: Uint8Array; generator?: Uint8Array } = {},
  betas: readonly string[] = ["beta8", "beta16"],
): Promise<Files> {
  const files: Files = {
    "text-encoder.onnx": Uint8Array.from(networks.textEncoder ?? textEncoder()),
    "generator.onnx": Uint8Array.from(networks.generator ?? generator()),
    "vocabulary.json": Uint8Array.from(utf8(vocabulary.format())),
  };
  return { ...files, "model.json": await manifestOf(files, betas) };
}

/** The text of a `model.json` for files. */
export async function manifestOf(
  files: Files,
  betas: readonly string[] = ["beta8", "beta16"],
): Promise<Uint8Array<ArrayBuffer>> {
  const entries = Object.entries(files)
    .filter(([name]) => name !== "model.json")
    .map(async ([name, bytes]) => [name, { sha256: await sha256Of(bytes), bytes: bytes.length }] as const);
  return Uint8Array.from(
    utf8(
      formatManifest({
        ...{ format: "sdgan-model", version: 1, name: "tiny", license: "Apache-2.0" },
        description: "Random patterns.",
        networks: {
          textEncoder: { file: "text-encoder.onnx" },
          generator: {
            ...{ file: "generator.onnx", images: ["image8", "image16"], attentions: ["attention16"] },
            ...{ gammas: ["gamma8", "gamma16"], betas: [...betas] },
          },
        },
        sizes,
        tokenizer: "unicode",
        vocabulary: { file: "vocabulary.json", words: vocabulary.size },
        training: {
          ...{ data: "none", dataLicense: "Apache-2.0", images: 1, steps: 1, seed: 0, version: "0.1.0" },
        },
        files: Object.fromEntries(await Promise.all(entries)),
      }),
    ),
  );
}

export const textInputs = [port(11, "tokens", 7, ["B", "T"]), port(11, "lengths", 7, ["B"])];
export const textOutputs = [
  port(12, "words", 1, ["B", sizes.text, "T"]),
  port(12, "sentence", 1, ["B", sizes.text]),
];

/** Words are rows of a table, 0 after a caption's end; the sentence is their mean. */
export function textEncoder(
  more: readonly Uint8Array[] = [],
  ports: readonly Uint8Array[] = [...textInputs, ...textOutputs],
): Uint8Array<ArrayBuffer> {
  return modelFile([
    node("Gather", ["table", "tokens"], ["rows"]),
    node("Transpose", ["rows"], ["words"], { attributes: [ints("perm", [0, 2, 1])] }),
    node("ReduceSum", ["words", "wordAxis"], ["sum"], { attributes: [int("keepdims", 0)] }),
    node("Cast", ["lengths"], ["counts"], { attributes: [int("to", 1)] }),
    node("Unsqueeze", ["counts", "axis1"], ["column"]),
    node("Div", ["sum", "column"], ["sentence"]),
    tensor("table", [vocabulary.size, sizes.text], table()),
    tensor("wordAxis", [1], BigInt64Array.of(2n)),
    tensor("axis1", [1], BigInt64Array.of(1n)),
    ...ports,
    ...more,
  ]);
}

/**
 * The first image is an affine map of noise and sentence; the second enlarges it, changed by the words. Places after a
 * caption's end get no attention.
 */
export function generator(
  more: readonly Uint8Array[] = [],
  ports: readonly Uint8Array[] = [...generatorInputs, ...generatorOutputs],
): Uint8Array<ArrayBuffer> {
  const width = sizes.noise + sizes.condition + sizes.text;
  return modelFile([
    node("Concat", ["z", "epsilon", "sentence"], ["all"], { attributes: [int("axis", 1)] }),
    node("MatMul", ["all", "toImage"], ["flat"]),
    node("Reshape", ["flat", "imageShape"], ["square"]),
    node("Tanh", ["square"], ["image8"]),
    node("MatMul", ["all", "toHidden"], ["flatHidden"]),
    node("Reshape", ["flatHidden", "hiddenShape"], ["hidden"]),
    node("MatMul", ["hidden", "words"], ["all scores"]),
    ...[node("Shape", ["words"], ["shape"]), node("Gather", ["shape", "two"], ["T"])],
    node("Range", ["zero", "T", "one"], ["places"]),
    node("Unsqueeze", ["lengths", "wordAxes"], ["ends"]),
    node("Less", ["places", "ends"], ["read"]),
    node("Where", ["read", "all scores", "lowest"], ["scores"]),
    node("Softmax", ["scores"], ["attention16"], { attributes: [int("axis", 2)] }),
    node("ReduceMax", ["attention16"], ["most"], { attributes: [ints("axes", [2]), int("keepdims", 0)] }),
    node("Reshape", ["most", "mapShape"], ["map"]),
    node("Mul", ["image8", "map"], ["weighted"]),
    node("Resize", ["weighted", "", "scales"], ["image16"], { attributes: [text("mode", "nearest")] }),
    node("Neg", ["weighted"], ["gamma16"]),
    node("ReduceMean", ["gamma16"], ["gamma8"], { attributes: [ints("axes", [2, 3])] }),
    node("Mul", ["weighted", "half"], ["beta16"]),
    node("ReduceMean", ["beta16"], ["beta8"], { attributes: [ints("axes", [2, 3])] }),
    tensor("half", [], Float32Array.of(0.5)),
    tensor("toImage", [width, 192], weights("toImage", width * 192)),
    tensor("toHidden", [width, 64 * sizes.text], weights("toHidden", width * 64 * sizes.text)),
    tensor("imageShape", [4], BigInt64Array.of(-1n, 3n, 8n, 8n)),
    tensor("hiddenShape", [3], BigInt64Array.of(-1n, 64n, BigInt(sizes.text))),
    tensor("mapShape", [4], BigInt64Array.of(-1n, 1n, 8n, 8n)),
    ...[0, 1, 2].map((n) => tensor(["zero", "one", "two"][n]!, [], BigInt64Array.of(BigInt(n)))),
    tensor("wordAxes", [2], BigInt64Array.of(1n, 2n)),
    tensor("lowest", [], Float32Array.of(-1e9)),
    tensor("scales", [4], Float32Array.of(1, 1, 2, 2)),
    ...ports,
    ...more,
  ]);
}

export const generatorInputs = [
  port(11, "z", 1, ["B", sizes.noise]),
  port(11, "epsilon", 1, ["B", sizes.condition]),
  port(11, "words", 1, ["B", sizes.text, "T"]),
  port(11, "sentence", 1, ["B", sizes.text]),
  port(11, "lengths", 7, ["B"]),
];
export const generatorOutputs = [
  port(12, "image8", 1, ["B", 3, 8, 8]),
  port(12, "image16", 1, ["B", 3, 16, 16]),
  port(12, "attention16", 1, ["B", 64, "T"]),
  port(12, "gamma8", 1, ["B", 3, 1, 1]),
  port(12, "gamma16", 1, ["B", 3, 8, 8]),
  port(12, "beta8", 1, ["B", 3, 1, 1]),
  port(12, "beta16", 1, ["B", 3, 8, 8]),
];

/** The row of the padding, token 0, is 0. */
function table(): Float32Array {
  return weights("table", vocabulary.size * sizes.text).fill(0, 0, sizes.text);
}

function weights(name: string, count: number): Float32Array {
  return normalNoise(1, 1, count, name);
}

function utf8(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}
