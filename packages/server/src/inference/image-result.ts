import type { GeneratedImage } from "@sdgan/pipeline";
import type { ImageResult, Outputs } from "./messages.js";

/** A generated image as the server sends it. */
export async function resultOf(
  image: GeneratedImage,
  { size, stages, attention, modulation }: Outputs,
): Promise<ImageResult> {
  const { prompt, seed, number, ignored } = image;
  const encoded = new Map(
    await Promise.all(
      image.stages
        .filter((stage) => stages || stage.size === size)
        .map(async (stage) => [stage.size, base64(await stage.toPng())] as const),
    ),
  );
  const maps = {
    ...(attention && {
      attention: image.attention.map(({ size, words }) => ({
        size,
        words: words.map(({ word, weights }) => ({ word, weights: rounded(weights) })),
      })),
    }),
    ...(modulation && {
      modulation: image.modulation.map(({ size, values }) => ({ size, values: rounded(values) })),
      shift: image.shift.map(({ size, values }) => ({ size, values: rounded(values) })),
    }),
  };
  return {
    ...{ seed, number, png: encoded.get(size)! },
    ...(stages && { stages: [...encoded].map(([size, png]) => ({ size, png })) }),
    details: JSON.stringify({ ...{ prompt, seed, number, size, ignored }, ...maps }),
  };
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

/** Four decimals: enough for a map in colours, and half the text. */
function rounded(values: Float32Array): number[] {
  return Array.from(values, (value) => Math.round(value * 1e4) / 1e4);
}
