import { cat, type DType, full, randn, type Tensor } from "@sdgan/torch";
import { wordMask } from "../models/text-encoder.js";
import type { TextFeatures } from "../models/text-features.js";

/** Random text features of captions with these lengths. Padding has random values too. */
export function randomText(
  lengths: readonly number[],
  width: number,
  { places = Math.max(...lengths), dtype = "float32" as DType } = {},
): TextFeatures {
  const B = lengths.length;
  return {
    words: randn([B, width, places], { dtype }),
    sentence: randn([B, width], { dtype }),
    mask: wordMask(lengths, places),
  };
}

/** The same captions with `more` places of padding. All padding has the value `filling`. */
export function padMore(
  { words, sentence, mask }: TextFeatures,
  more: number,
  filling: number,
): TextFeatures {
  const [B, D] = [words.size(0), words.size(1)];
  const { dtype } = words;
  const absent = mask.logicalNot().unsqueeze(1);
  return {
    words: cat([words.maskedFill(absent, filling), full([B, D, more], filling, { dtype })], 2),
    sentence,
    mask: cat([mask, full([B, more], 0, { dtype: "bool" })], 1),
  };
}

/** `count` captions of a batch from index `first` on. */
export function captionsOf(
  { words, sentence, mask }: TextFeatures,
  first: number,
  count: number,
): TextFeatures {
  const part = (tensor: Tensor) => tensor.narrow(0, first, count);
  return { words: part(words), sentence: part(sentence), mask: part(mask) };
}
