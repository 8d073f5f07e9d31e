import { type DType, functional, nn, type Tensor } from "@sdgan/torch";
import type { TextFeatures } from "./text-features.js";

/** The result of word attention. */
export interface AttendedWords {
  /** Σ_t attention · value_t at every place, for each of the values: [B, C, H, W]. */
  contexts: Tensor[];
  /** The weight of each word at each place: [B, H·W, T]; 0 where there is no word. */
  attention: Tensor;
}

/**
 * Σ_t σ(v_jᵀ f(w_t)) value_t, with the softmax σ over the existing words. If the values are f(W), this is AttnGAN's word
 * attention and SD-GAN's visual-semantic embedding vse_j.
 *
 * @param features v: [B, C, H, W]
 * @param words f(W): [B, T, C], as wide as the features; finite where there is no word
 * @param mask [B, T], true where there is a word
 * @param values the values to mix, each [B, T, any width]; finite where there is no word
 */
export function attendWords(
  features: Tensor,
  words: Tensor,
  mask: Tensor,
  values: Tensor[] = [words],
): AttendedWords {
  return functional.crossAttention(features, words, mask.logicalNot(), values);
}

/** f(W) in the features' dtype: [B, T, C]. Values where there is no word affect neither it nor gradients. */
export function projectWords(project: nn.Linear, { words, mask }: TextFeatures, dtype: DType): Tensor {
  const present = words.maskedFill(mask.logicalNot().unsqueeze(1), 0);
  return project.forward(present.transpose(1, 2).to(dtype));
}

/** The generator's word attention (Xu et al., 2018, §3.1), [B, C, H, W] → a context of the same shape. */
export class WordAttention extends nn.Module {
  readonly project: nn.Linear;

  /**
   * @param width D, of the words
   * @param channels C, of the features
   */
  constructor(width: number, channels: number) {
    super();
    this.project = new nn.Linear(width, channels, { bias: false });
  }

  /** @param features [B, C, H, W] */
  forward(features: Tensor, text: TextFeatures): { context: Tensor; attention: Tensor } {
    const words = projectWords(this.project, text, features.dtype);
    const { contexts, attention } = attendWords(features, words, text.mask);
    return { context: contexts[0]!, attention };
  }
}
