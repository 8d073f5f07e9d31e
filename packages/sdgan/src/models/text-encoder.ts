import type { SentenceFeature } from "@sdgan/core";
import { arange, isTensor, nn, type Tensor, tensor } from "@sdgan/torch";
import type { TextFeatures } from "./text-features.js";
import { Whitening } from "./whitening.js";

export interface TextEncoderOptions {
  /** Number of words in the vocabulary, including the padding at 0. */
  vocabularySize: number;
  /** Width of a word's embedding. */
  embedding: number;
  /** D, the width of word and sentence features: half of it for each direction. */
  width: number;
  dropout: number;
  /** By default `last`, as AttnGAN's. */
  sentence?: SentenceFeature;
  /** Whether word and sentence features are whitened; not in AttnGAN. */
  whiten?: boolean;
}

/**
 * AttnGAN's text encoder (Xu et al., 2018, §3.1.1): embedding → dropout → bidirectional LSTM.
 * w_t is the state of both directions at word t, s̄ the last state of both, or the mean of the w_t. Padding never reaches
 * the LSTM.
 */
export class TextEncoder extends nn.Module {
  readonly encoder: nn.Embedding;
  readonly rnn: nn.BidirectionalLstm;
  readonly dropout: nn.Dropout;
  readonly wordWhitening: Whitening | undefined;
  readonly sentenceWhitening: Whitening | undefined;
  readonly #sentence: SentenceFeature;

  constructor({
    vocabularySize,
    embedding,
    width,
    dropout,
    sentence = "last",
    whiten = false,
  }: TextEncoderOptions) {
    super();
    this.#sentence = sentence;
    this.encoder = new nn.Embedding(vocabularySize, embedding);
    nn.init.uniform(this.encoder.weight, -0.1, 0.1);
    this.rnn = new nn.BidirectionalLstm(embedding, width / 2);
    this.dropout = new nn.Dropout(dropout);
    this.wordWhitening = whiten ? new Whitening(width) : undefined;
    this.sentenceWhitening = whiten ? new Whitening(width) : undefined;
  }

  /**
   * @param tokens [B, T] int64; values after a caption's end are ignored
   * @param lengths number of words of each of the B captions, 1 … T, as numbers or int64 [B]
   */
  forward(tokens: Tensor, lengths: ArrayLike<number> | Tensor): TextFeatures {
    const embedded = this.dropout.forward(this.encoder.forward(tokens)); // [B, T, embedding]
    const { output, last } = this.rnn.forward(embedded, lengths);
    const mask = wordMask(lengths, tokens.size(1), tokens.device);
    const sentence = this.#sentence === "mean" ? meanOf(output, mask) : last;
    return {
      words: (this.wordWhitening?.forward(output, mask) ?? output).transpose(1, 2),
      sentence: this.sentenceWhitening?.forward(sentence) ?? sentence,
      mask,
    };
  }
}

/** The mean of the rows of [B, T, D] where the mask [B, T] is true: [B, D]. */
function meanOf(output: Tensor, mask: Tensor): Tensor {
  const present = mask.unsqueeze(2);
  return output.maskedFill(present.logicalNot(), 0).sum(1).div(present.to(output.dtype).sum(1));
}

/** [B, T], true for the first `lengths[b]` places of row b. */
export function wordMask(lengths: ArrayLike<number> | Tensor, places: number, device = "cpu"): Tensor {
  const ends = isTensor(lengths) ? lengths : tensor(Array.from(lengths), { dtype: "int64", device });
  return arange(0, places, 1, { device }).unsqueeze(0).lt(ends.unsqueeze(1));
}
