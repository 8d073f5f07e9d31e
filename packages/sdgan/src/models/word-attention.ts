import { type DType, functional, nn, type Tensor } from "@sdgan/torch";
import type { TextFeatures } from "./text-features.js";

/** The result of word attention. */
export interface AttendedWords {
  /** Σ_t attention · f(w_t) at every place: [B, C, H, W]. */
  context: Tensor;
  /** The weight of each word at each place: [B, H·W, T]; 0 where there is no word. */
  attention: Tensor;
}

/**
 * Σ_t σ(v_jᵀ f(w_t)) f(w_t), with the softmax σ over the existing words: AttnGAN's word attention, SD-GAN's visual-semantic
 * embedding vse_j.
 *
 * @param features v: [B, C, H, W]
 * @param words f(W): [B, T, C], as wide as the features; finite where there is no word
 * @param mask [B, T], true where there is a word
 */
export function attendWords(features: Tensor, words: Tensor, mask: Tensor): AttendedWords {
  const { contexts, attention } = functional.crossAttention(features, words, mask.logicalNot(), [words]);
  return { context: contexts[0]!, attention };
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
  forward(features: Tensor, text: TextFeatures): AttendedWords {
    const words = projectWords(this.project, text, features.dtype);
    return attendWords(features, words, text.mask);
  }
}
