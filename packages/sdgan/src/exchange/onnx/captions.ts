/** Captions for the comparison of an exported model with its run. */
import { Random, type Vocabulary } from "@sdgan/core";

/**
 * `count` captions of the vocabulary's words, of all lengths from one word to `maxWords`, as tokens. They do not depend on
 * data, so that every run has them.
 */
export function testCaptions({ size }: Vocabulary, maxWords: number, count: number): number[][] {
  const random = new Random(0, "onnx", "captions");
  return Array.from({ length: count }, (_, i) => {
    const length = 1 + Math.round(((maxWords - 1) * i) / Math.max(count - 1, 1));
    return Array.from({ length }, () => 1 + random.below(size - 1));
  });
}
