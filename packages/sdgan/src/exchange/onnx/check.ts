/** Compares an exported model in onnxruntime with its networks in libtorch. */
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { inferenceMode, scope, type Tensor, tensor } from "@sdgan/torch";
import type { WeightPrecision } from "@sdgan/torch/onnx";
import { tokenTensor } from "../../compute/tokens.js";
import { seededNoise } from "../../models/seeded-noise.js";
import { type GeneratorOutputs, type Networks, namesOf, withModulations } from "./networks.js";
import { loadRuntime, openSession } from "./runtime.js";

/** Largest allowed difference of an output. Images are from −1 to 1; 1/127.5 is one of an image's 256 steps. */
export const tolerances: Record<WeightPrecision, number> = { float32: 1e-4, float16: 2e-2, int8: 0.3 };

export interface Comparison {
  /** Number of captions. */
  captions: number;
  /** Largest difference of each output; of others than images in proportion to their largest magnitude, if that is above 1. */
  differences: ReadonlyMap<string, number>;
  /** Largest difference of an image. */
  image: number;
  /** Root of the mean squared difference of the last stage's images. */
  deviation: number;
}

export function agrees({ differences }: Comparison, precision: WeightPrecision): boolean {
  return [...differences.values()].every((difference) => difference <= tolerances[precision]);
}

export function disagreement({ differences }: Comparison, precision: WeightPrecision): UserError {
  const [name, largest] = [...differences].reduce((worst, other) => (other[1] <= worst[1] ? worst : other));
  const remedy =
    precision === "float32"
      ? "Please report it with the run's config.yaml"
      : "Export with --precision float32";
  return new UserError(
    `the exported ${name} differs from libtorch's by ${largest.toPrecision(2)}, expected at most ` +
      `${tolerances[precision]} in ${precision}. ${remedy}`,
    { code: "export.differs" },
  );
}

/** Captions per call: of unequal lengths, so that padding is compared too. */
const BATCH = 8;

/**
 * Generates an image for each caption in both ways.
 *
 * @param folder the exported files
 * @param captions tokens of each caption
 */
export async function compare(
  folder: string,
  files: { textEncoder: string; generator: string; outputs: GeneratorOutputs },
  networks: Networks,
  captions: readonly (readonly number[])[],
): Promise<Comparison> {
  const runtime = await loadRuntime();
  const text = await openSession(runtime, join(folder, files.textEncoder));
  const generator = await openSession(runtime, join(folder, files.generator));
  const toRuntime = (tensor: Tensor) =>
    new runtime.Tensor(tensor.dtype as "float32", tensor.toArray() as Float32Array, tensor.shape);
  const { images } = files.outputs;
  const worst = new Map<string, number>();
  let squares = 0;
  let count = 0;
  try {
    for (let at = 0; at < captions.length; at += BATCH) {
      const own = expected(networks, captions.slice(at, at + BATCH), at);
      const { tokens, lengths, z, epsilon } = own.inputs;
      const read = await text.run({ tokens: toRuntime(tokens), lengths: toRuntime(lengths) });
      const generated = await generator.run({
        ...{ z: toRuntime(z), epsilon: toRuntime(epsilon), lengths: toRuntime(lengths) },
        ...{ words: read.words!, sentence: read.sentence! },
      });
      const names = ["words", "sentence", ...namesOf(files.outputs)];
      for (const [i, name] of names.entries()) {
        const found = (read[name] ?? generated[name])!.data as Float32Array;
        const { largest, sum } = difference(own.outputs[i]!, found, !name.startsWith("image"));
        worst.set(name, Math.max(largest, worst.get(name) ?? 0)); // NaN stays NaN, and agrees with nothing.
        if (name !== images.at(-1)) continue;
        squares += sum;
        count += found.length;
      }
      for (const tensor of [...Object.values(own.inputs), ...own.outputs]) tensor.dispose();
    }
  } finally {
    await Promise.all([text.release(), generator.release()]);
  }
  return {
    captions: captions.length,
    differences: worst,
    image: Math.max(...images.map((name) => worst.get(name)!)),
    deviation: Math.sqrt(squares / count),
  };
}

/** The inputs of captions, with the noise of image numbers from `first` + 1 on, and libtorch's outputs in the files' order. */
function expected(networks: Networks, captions: readonly (readonly number[])[], first: number) {
  return inferenceMode(() =>
    scope(() => {
      const { tokens, lengths } = tokenTensor(captions, "cpu");
      const noise = captions.map((_, i) => ({ seed: 0, number: first + i + 1 }));
      const { z, epsilon } = seededNoise(networks.generator, noise);
      const read = networks.text.forward(tokens, lengths);
      const { result, modulations } = withModulations(networks.generator, () =>
        networks.generator.forward(z, read, epsilon),
      );
      const outputs = [read.words, read.sentence, ...result.images, ...result.attentions, ...modulations];
      const inputs = { tokens, lengths: tensor(Array.from(lengths), { dtype: "int64" }), z, epsilon };
      return { inputs, outputs };
    }),
  );
}

/** The largest difference, and the sum of squared differences. */
function difference(
  tensor: Tensor,
  found: Float32Array,
  isRelative: boolean,
): { largest: number; sum: number } {
  const own = tensor.contiguous();
  const values = own.toArray() as Float32Array;
  if (own !== tensor) own.dispose();
  if (values.length !== found.length) return { largest: Number.NaN, sum: Number.NaN };
  let largest = 0;
  let sum = 0;
  let scale = 1;
  for (const [i, value] of values.entries()) {
    const difference = Math.abs(value - found[i]!);
    if (!(difference <= largest)) largest = difference; // A NaN stays.
    sum += difference ** 2;
    if (isRelative) scale = Math.max(scale, Math.abs(value));
  }
  return { largest: largest / scale, sum };
}
