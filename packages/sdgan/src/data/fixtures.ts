import sharp from "sharp";
import type { Caption, Example, Source } from "./dataset.js";

/** For tests: a source of `examples`, in one class. */
export function sourceOf(examples: AsyncIterable<Example> | Example[]): Source {
  return {
    name: "fixture",
    classes: ["thing"],
    async *examples() {
      yield* examples;
    },
  };
}

/** For tests: an example of the training split. */
export function example(
  id: string,
  read: () => Promise<Buffer>,
  captions: Caption[] = [{ text: `image ${id}` }],
): Example {
  return { id, split: "train", classId: 0, captions, read };
}

/** For tests: a PNG whose pixel at column x, row y is [red, 10·x, 10·y], which identifies its place. */
export function mapped(red: number, size: number): Promise<Buffer> {
  const pixels = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) pixels.set([red, 10 * x, 10 * y], (y * size + x) * 3);
  }
  return sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
    .png()
    .toBuffer();
}
