/** What the networks return, as images and attention maps. */
import { UserError, visible } from "@sdgan/core";
import type { PlaceMap, WordAttention } from "./image.js";
import type { FloatOutput } from "./runtime.js";

/** [3, size, size] in −1 … 1 → [size, size, 3] bytes. Computed in float32 and rounded to even, as with libtorch. */
export function pixelsOf(values: Float32Array, size: number): Uint8Array<ArrayBuffer> {
  const places = size * size;
  const pixels = new Uint8Array(places * 3);
  // A clamped array rounds to even, and NaN to 0.
  const level = new Uint8ClampedArray(1);
  for (let channel = 0; channel < 3; channel++)
    for (let place = 0; place < places; place++) {
      level[0] = Math.fround(Math.fround(values[channel * places + place]! + 1) * 127.5);
      pixels[place * 3 + channel] = level[0]!;
    }
  return pixels;
}

/**
 * The attention of one image of a batch: [B, size · size, T] → a map for each of its words.
 * @param longest T, the number of words of the batch's longest caption
 * @throws UserError if the output has another shape
 */
export function attentionOf(
  output: FloatOutput,
  { words, b, longest, name }: { words: readonly string[]; b: number; longest: number; name: string },
): WordAttention {
  const places = output.shape[1] ?? 0;
  const size = Math.round(Math.sqrt(places));
  const { data } = shaped(output, [output.shape[0] ?? 0, size * size, longest], name);
  const own = data.subarray(b * places * longest, (b + 1) * places * longest);
  return {
    size,
    words: words.map((word, t) => ({
      word,
      weights: Float32Array.from({ length: places }, (_, place) => own[place * longest + t]!),
    })),
  };
}

/**
 * SCBN's γ_c or β_c for one image of a batch: [B, C, size, size] → the mean of its magnitude over the channels at each
 * place.
 * @throws UserError if the output has another shape
 */
export function strengthOf(
  { data, shape }: FloatOutput,
  { b, B, name }: { b: number; B: number; name: string },
): PlaceMap {
  const [, channels = 0, size = 0] = shape;
  shaped({ data, shape }, [B, channels, size, size], name);
  const values = new Float32Array(size * size);
  const length = channels * values.length;
  for (const [i, value] of data.subarray(b * length, (b + 1) * length).entries())
    values[i % values.length]! += Math.abs(value) / channels;
  return { size, values };
}

/**
 * An output of a network.
 * @throws UserError if it has another shape
 */
export function shaped(
  { data, shape }: FloatOutput,
  expected: readonly number[],
  name: string,
): { data: Float32Array<ArrayBuffer>; shape: readonly number[] } {
  if (shape.length !== expected.length || !shape.every((size, i) => size === expected[i]))
    throw new UserError(
      `The model's output ${visible(name)} has the shape [${shape.join(", ")}], not [${expected.join(", ")}]. Export the model again.`,
      { code: "model.invalid" },
    );
  return { data: data as Float32Array<ArrayBuffer>, shape };
}
