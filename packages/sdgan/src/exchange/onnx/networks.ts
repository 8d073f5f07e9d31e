/** The two ONNX files of a model: text encoder and generator. */
import { scope, type Tensor, tensor, zeros } from "@sdgan/torch";
import { exportOnnx, type OnnxOptions } from "@sdgan/torch/onnx";
import type { Generator } from "../../models/generator.js";
import { type Modulation, SemanticConditionedBatchNorm } from "../../models/scbn.js";
import { type TextEncoder, wordMask } from "../../models/text-encoder.js";

/** Names of the generator's outputs, as in the manifest. */
export interface GeneratorOutputs {
  /** `image_64`: the image of a stage, [B, 3, 64, 64] in −1 … 1; first stage to last. */
  images: string[];
  /** `attention_64`: where the places from which the image of 64 pixels is computed attend to, [B, H·W, T]. */
  attentions: string[];
  /** `gamma_64`: γ_c of the SCBN layer with 64 pixels per side, [B, C, 64, 64], or [B, C, 1, 1] for the whole image. */
  gammas: string[];
  /** `beta_64`: β_c of the same layer, in the same shape. */
  betas: string[];
}

/** How weights are stored. */
export type StoredWeights = Required<Pick<OnnxOptions, "weights" | "smallestWeight">>;

/** Networks in evaluation mode, which compute on the CPU in float32. */
export interface Networks {
  text: TextEncoder;
  generator: Generator;
}

const axes = { batch: "batch", words: "words" };

/** tokens int64 [B, T], lengths int64 [B] → words [B, D, T], sentence [B, D]. Tokens after a caption's end are ignored. */
export function exportTextEncoder({ text }: Networks, stored: StoredWeights): Uint8Array {
  return scope(() =>
    exportOnnx(
      (tokens: Tensor, lengths: Tensor) => {
        const { words, sentence } = text.forward(tokens, lengths);
        return [words, sentence];
      },
      [zeros([2, 3], { dtype: "int64" }), exampleLengths()],
      {
        inputs: ["tokens", "lengths"],
        outputs: ["words", "sentence"],
        dynamicAxes: { tokens: { 0: axes.batch, 1: axes.words }, lengths: { 0: axes.batch } },
        modules: { "": text },
        name: "text-encoder",
        ...stored,
      },
    ),
  );
}

/**
 * z [B, noise], ε [B, condition] and a text's words, sentence and lengths → the images of the active stages, attentions
 * γ_c and β_c.
 *
 * @param textWidth D
 * @param lastSize pixels per side of the last active stage's image
 */
export function exportGenerator(
  { generator }: Networks,
  { textWidth, lastSize }: { textWidth: number; lastSize: number },
  stored: StoredWeights,
): { file: Uint8Array; outputs: GeneratorOutputs } {
  const outputs = outputsOf(generator, lastSize);
  const first = { 0: axes.batch };
  const file = scope(() =>
    exportOnnx(
      (z: Tensor, epsilon: Tensor, words: Tensor, sentence: Tensor, lengths: Tensor) => {
        const mask = wordMask(lengths, words.size(2));
        const { result, modulations } = withModulations(generator, () =>
          generator.forward(z, { words, sentence, mask }, epsilon),
        );
        return [...result.images, ...result.attentions, ...modulations];
      },
      [
        zeros([2, generator.noise]),
        zeros([2, generator.conditioning.condition]),
        zeros([2, textWidth, 3]),
        zeros([2, textWidth]),
        exampleLengths(),
      ],
      {
        inputs: ["z", "epsilon", "words", "sentence", "lengths"],
        outputs: namesOf(outputs),
        dynamicAxes: {
          z: first,
          epsilon: first,
          words: { ...first, 2: axes.words },
          sentence: first,
          lengths: first,
        },
        modules: { "": generator },
        name: "generator",
        ...stored,
      },
    ),
  );
  return { file, outputs };
}

/** The names of all outputs, in the order of the file. */
export function namesOf({ images, attentions, gammas, betas }: GeneratorOutputs): string[] {
  return [...images, ...attentions, ...gammas, ...betas];
}

/** Lengths for two captions of up to three words. */
const exampleLengths = () => tensor([3, 1], { dtype: "int64" });

function outputsOf(generator: Generator, lastSize: number): GeneratorOutputs {
  const stages = generator.activeStages;
  const images = Array.from({ length: stages }, (_, i) => lastSize / 2 ** (stages - 1 - i));
  const blocks = [
    ...generator.first.upBlocks,
    ...generator.later.slice(0, stages - 1).map(({ upBlock }) => upBlock),
  ]; // Each doubles the size.
  const layers = blocks.flatMap(({ norm }, i) =>
    norm.sentence || norm.word ? [lastSize / 2 ** (blocks.length - 1 - i)] : [],
  );
  return {
    images: images.map((size) => `image_${size}`),
    attentions: images.slice(1).map((size) => `attention_${size}`),
    gammas: layers.map((size) => `gamma_${size}`),
    betas: layers.map((size) => `beta_${size}`),
  };
}

/** The result of `run`, then γ_c and then β_c of all SCBN layers, each in the order of computation. */
export function withModulations<Result>(
  generator: Generator,
  run: () => Result,
): { result: Result; modulations: Tensor[] } {
  const layers = [...generator.modules()].filter((module) => module instanceof SemanticConditionedBatchNorm);
  const found: Modulation[] = [];
  for (const layer of layers) layer.onModulation = (modulation) => found.push(modulation);
  try {
    const result = run();
    return { result, modulations: [...found.map(({ gamma }) => gamma), ...found.map(({ beta }) => beta)] };
  } finally {
    for (const layer of layers) layer.onModulation = undefined;
  }
}
