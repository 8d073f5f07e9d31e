import type { Tensor } from "@sdgan/torch";

/** The text encoder's output for a batch of captions, the input of generator, discriminators and DAMSM's losses. */
export interface TextFeatures {
  /** W = {w_t}, the word features: [B, D, T]. Places without a word may hold anything. */
  words: Tensor;
  /** s̄, the sentence features: [B, D]. */
  sentence: Tensor;
  /** True where there is a word: [B, T], bool. At least one word per caption. */
  mask: Tensor;
}
