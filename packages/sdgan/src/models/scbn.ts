/**
 * Semantic-conditioned batch normalization (SD-GAN, §3.2), a conditional batch normalization (De Vries et al., 2017,
 * arXiv 1707.00683): the caption shifts the scale and the offset that follow the normalization,
 *
 *   BN(x|c) = (γ + γ_c) · (x − μ(x)) / √(σ²(x) + ε) + (β + β_c).
 *
 * γ_c and β_c are computed from the sentence, equal at all places of an image; or from the words, separately for each
 * place; or from both, added up. The layers that compute them start at zero, so training starts with plain BN.
 */
import type { ScbnKind } from "@sdgan/core";
import { functional, nn, type Tensor } from "@sdgan/torch";
import type { TextFeatures } from "./text-features.js";
import { projectWords } from "./word-attention.js";

/** γ_c and β_c: [B, C, H, W], or [B, C, 1, 1] for the whole image. */
export interface Modulation {
  gamma: Tensor;
  beta: Tensor;
}

/** γ_c and β_c of each word, and which words there are. */
export type AttendedModulation = Required<Pick<functional.BatchNormOptions, "scale" | "shift" | "attend">>;

export interface ScbnOptions {
  /** C, the channels of the normalized features. */
  channels: number;
  /** D, the width of sentence and word features. */
  textWidth: number;
  kind: ScbnKind;
  /** Width of the hidden layer at sentence level. */
  hidden: number;
  /** The activation after the normalization. */
  activation?: functional.Activation;
}

export class SemanticConditionedBatchNorm extends nn.BatchNorm {
  readonly sentence: SentenceModulation | null;
  readonly word: WordModulation | null;
  /** Called with γ_c and β_c whenever they are computed. */
  onModulation: ((modulation: Modulation) => void) | undefined;

  constructor({ channels, textWidth, kind, hidden, activation = "none" }: ScbnOptions) {
    super(channels, { activation });
    this.sentence =
      kind === "sentence" || kind === "both" ? new SentenceModulation(channels, textWidth, hidden) : null;
    this.word = kind === "word" || kind === "both" ? new WordModulation(channels, textWidth) : null;
  }

  /** @param x [B, C, H, W] */
  override forward(x: Tensor, text?: TextFeatures): Tensor {
    const { sentence, word } = this;
    if (!text || (!sentence && !word)) return super.forward(x);
    const whole = sentence?.forward(x, text);
    const modulation = word ? word.forward(x, text, whole) : { scale: whole!.gamma, shift: whole!.beta };
    if (!this.onModulation) return this.normalize(x, modulation); // (γ + γ_c) · x̂ + (β + β_c)
    const { scale, shift } = functional.attendedModulation(x, modulation);
    this.onModulation({ gamma: scale!, beta: shift! });
    return this.normalize(x, { scale, shift });
  }
}

/** Sentence level: γ_c = f_γ(s̄), β_c = f_β(s̄), each an MLP with one hidden layer. */
export class SentenceModulation extends nn.Module {
  readonly gamma: nn.Sequential;
  readonly beta: nn.Sequential;

  constructor(channels: number, textWidth: number, hidden: number) {
    super();
    const mlp = () =>
      new nn.Sequential(
        new nn.Linear(textWidth, hidden),
        new nn.Lambda((input) => input.relu()),
        new nn.Linear(hidden, channels),
      );
    this.gamma = mlp();
    this.beta = mlp();
    this.zeroInit();
  }

  /** Sets γ_c = β_c = 0. */
  zeroInit(): void {
    for (const mlp of [this.gamma, this.beta]) {
      for (const parameter of [...mlp.namedChildren()].at(-1)![1].parameters())
        nn.init.constant(parameter, 0);
    }
  }

  forward(x: Tensor, { sentence }: TextFeatures): Modulation {
    const spread = (values: Tensor) => values.to(x.dtype).unsqueeze(2).unsqueeze(3); // [B, C, 1, 1]
    return { gamma: spread(this.gamma.forward(sentence)), beta: spread(this.beta.forward(sentence)) };
  }
}

/** Word level: γ_c and β_c at place j are linear in vse_j, the words that the feature at j attends to. */
export class WordModulation extends nn.Module {
  /** f, the layer that maps words to the channels of x. */
  readonly project: nn.Linear;
  readonly gamma: nn.Conv2d;
  readonly beta: nn.Conv2d;

  constructor(channels: number, textWidth: number) {
    super();
    this.project = new nn.Linear(textWidth, channels);
    this.gamma = new nn.Conv2d(channels, channels, 1);
    this.beta = new nn.Conv2d(channels, channels, 1);
    this.zeroInit();
  }

  /** Sets γ_c = β_c = 0. */
  zeroInit(): void {
    for (const layer of [this.gamma, this.beta]) {
      for (const parameter of layer.parameters()) nn.init.constant(parameter, 0);
    }
  }

  /**
   * γ_c = A · vse + a = Σ_t σ(…)_t · (A · f(w_t) + a): the 1×1 convolution is applied to the few words instead of to every
   * place. As Σ_t σ(…)_t = 1, a modulation of the whole image is added to the words too.
   *
   * @param whole a modulation to add, [B, C, 1, 1]
   * @returns A · f(w_t) + a and the same of β, which each place attends to: [B, T, C] each
   */
  forward(x: Tensor, text: TextFeatures, whole?: Modulation): AttendedModulation {
    const words = projectWords(this.project, text, x.dtype); // f(W): [B, T, C]
    const valuesOf = ({ weight, bias }: nn.Conv2d, plus?: Tensor) => {
      const values = functional.linear(words, weight.flatten(1).to(x.dtype), bias!.to(x.dtype)); // [B, T, C]
      return plus ? values.add(plus.flatten(1).unsqueeze(1)) : values;
    };
    return {
      scale: valuesOf(this.gamma, whole?.gamma),
      shift: valuesOf(this.beta, whole?.beta),
      attend: { keys: words, absent: text.mask.logicalNot() },
    };
  }
}
