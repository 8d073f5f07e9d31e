import type { Tensor } from "@sdgan/torch";

/** What the text encoder says of a batch of captions; everything that draws or judges takes this. */
export interface TextFeatures {
  /** W = {w_t}, the word features: [B, D, T]. Places without a word may hold anything. */
  words: Tensor;
  /** s̄, the sentence features: [B, D]. */
  sentence: Tensor;
  /** True where there is a word: [B, T], bool. At least one word a caption. */
  mask: Tensor;
}
