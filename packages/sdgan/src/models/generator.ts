/**
 * The staged generator: stage 1 generates a small image from sentence and noise; each later stage doubles the size and
 * attends to the words. With SCBN at the end of every up-block it is SD-GAN's generator; with kind `none`, AttnGAN's.
 */
import type { ScbnKind } from "@sdgan/core";
import { cat, nn, randn, type Tensor } from "@sdgan/torch";
import { conv3x3, glu, initialize, UpsampleConv } from "./layers.js";
import { SemanticConditionedBatchNorm, SentenceModulation, WordModulation } from "./scbn.js";
import type { TextFeatures } from "./text-features.js";
import { WordAttention } from "./word-attention.js";

export interface GeneratorOptions {
  /** g, the channels of a stage's hidden image. */
  width: number;
  stages: number;
  /** Pixels per side of the first stage's image: 4 times a power of two. */
  firstSize: number;
  residualBlocks: number;
  /** Width of z. */
  noise: number;
  /** Width of c. */
  condition: number;
  /** D, the width of the text features. */
  textWidth: number;
  /** One for each stage. */
  scbn: readonly ScbnKind[];
  /** Width of the hidden layer of sentence-level SCBN. */
  scbnHidden: number;
}

export interface Generated {
  /** One image per active stage, [B, 3, S, S] in −1 … 1, small to large. */
  images: Tensor[];
  /** μ and log σ² of conditioning augmentation: [B, condition]. */
  mean: Tensor;
  logVariance: Tensor;
  /** Word attention of the active stages 2, 3, …: [B, H·W, T]. */
  attentions: Tensor[];
}

export class Generator extends nn.Module {
  readonly conditioning: ConditioningAugmentation;
  readonly first: FirstStage;
  readonly later: LaterStage[];
  readonly toImage: nn.Conv2d[];
  /** Width of z. */
  readonly noise: number;
  /** The first stages, which are computed: all of them, unless the generator is still growing. */
  activeStages: number;

  constructor(options: GeneratorOptions) {
    super();
    const { stages, width, textWidth, condition } = options;
    this.noise = options.noise;
    this.activeStages = stages;
    this.conditioning = new ConditioningAugmentation(textWidth, condition);
    this.first = new FirstStage(options, options.scbn[0]!);
    this.later = options.scbn.slice(1, stages).map((kind) => new LaterStage(options, kind));
    this.toImage = Array.from({ length: stages }, () => conv3x3(width, 3));
    initialize(this);
    for (const module of this.modules()) {
      if (module instanceof SentenceModulation || module instanceof WordModulation) module.zeroInit();
    }
  }

  /**
   * @param noise z: [B, noise]. The images are computed in its dtype.
   * @param epsilon ε of conditioning augmentation: [B, condition]; sampled if not given
   */
  forward(noise: Tensor, text: TextFeatures, epsilon?: Tensor): Generated {
    const { code, mean, logVariance } = this.conditioning.forward(text.sentence, epsilon);
    const attentions: Tensor[] = [];
    const images: Tensor[] = [];
    let hidden = this.first.forward(cat([code.to(noise.dtype), noise], 1), text); // [B, g, S, S]
    images.push(this.toImage[0]!.forward(hidden).tanh());
    for (const [i, stage] of this.later.slice(0, this.activeStages - 1).entries()) {
      const output = stage.forward(hidden, text);
      hidden = output.hidden;
      attentions.push(output.attention);
      images.push(this.toImage[i + 1]!.forward(hidden).tanh());
    }
    return { images, mean, logVariance, attentions };
  }
}

/** Conditioning augmentation (Zhang et al., StackGAN, 2017): c = μ + σ ⊙ ε, with μ and log σ² from the sentence. */
export class ConditioningAugmentation extends nn.Module {
  readonly fc: nn.Linear;

  constructor(
    textWidth: number,
    readonly condition: number,
  ) {
    super();
    this.fc = new nn.Linear(textWidth, 4 * condition);
  }

  forward(sentence: Tensor, epsilon?: Tensor): { code: Tensor; mean: Tensor; logVariance: Tensor } {
    const [mean, logVariance] = glu(this.fc.forward(sentence)).chunk(2, 1) as [Tensor, Tensor];
    const deviation = logVariance.mul(0.5).exp();
    const noise = epsilon ?? randn(mean.shape, { dtype: mean.dtype, device: mean.device });
    return { code: mean.add(deviation.mul(noise)), mean, logVariance };
  }
}

/** Stage 1: [c, z] → 4×4 → up-blocks, each halving the channels → [B, g, firstSize, firstSize]. */
export class FirstStage extends nn.Module {
  readonly fc: nn.Linear;
  readonly norm: nn.BatchNorm;
  readonly upBlocks: UpBlock[];
  readonly channels: number;

  constructor(options: GeneratorOptions, kind: ScbnKind) {
    super();
    const { width, firstSize, condition, noise } = options;
    const doublings = Math.log2(firstSize / 4);
    this.channels = width * 2 ** doublings;
    this.fc = new nn.Linear(condition + noise, this.channels * 4 * 4 * 2, { bias: false });
    this.norm = new nn.BatchNorm(this.channels * 4 * 4 * 2, { activation: "glu" });
    this.upBlocks = Array.from({ length: doublings }, (_, i) => {
      const channels = this.channels / 2 ** i;
      return new UpBlock(channels, channels / 2, options, kind);
    });
  }

  /** @param code [c, z]: [B, condition + noise] */
  forward(code: Tensor, text: TextFeatures): Tensor {
    const flat = this.norm.forward(this.fc.forward(code)); // [B, C·4·4], with C = g · firstSize / 4 channels
    const start = flat.view(-1, this.channels, 4, 4);
    return this.upBlocks.reduce((hidden, block) => block.forward(hidden, text), start);
  }
}

/** Stages 2, 3, …: word attention, joined with the hidden image → residual blocks → up-block. */
export class LaterStage extends nn.Module {
  readonly attention: WordAttention;
  readonly residual: ResidualBlock[];
  readonly upBlock: UpBlock;

  constructor(options: GeneratorOptions, kind: ScbnKind) {
    super();
    const { width, textWidth, residualBlocks } = options;
    this.attention = new WordAttention(textWidth, width);
    this.residual = Array.from({ length: residualBlocks }, () => new ResidualBlock(2 * width));
    this.upBlock = new UpBlock(2 * width, width, options, kind);
  }

  /** @param hidden [B, g, S, S] → [B, g, 2S, 2S] */
  forward(hidden: Tensor, text: TextFeatures): { hidden: Tensor; attention: Tensor } {
    const { context, attention } = this.attention.forward(hidden, text);
    const joined = cat([hidden, context], 1); // [B, 2g, S, S]
    const refined = this.residual.reduce((input, block) => block.forward(input), joined);
    return { hidden: this.upBlock.forward(refined, text), attention };
  }
}

/** Nearest ×2, 3×3 convolution to 2n channels, SCBN, GLU to n: [B, m, S, S] → [B, n, 2S, 2S]. */
export class UpBlock extends nn.Module {
  readonly conv: UpsampleConv;
  readonly norm: SemanticConditionedBatchNorm;

  constructor(
    inChannels: number,
    outChannels: number,
    { textWidth, scbnHidden }: Pick<GeneratorOptions, "textWidth" | "scbnHidden">,
    kind: ScbnKind,
  ) {
    super();
    const channels = 2 * outChannels;
    this.conv = new UpsampleConv(inChannels, channels);
    const scbn = { channels, textWidth, kind, hidden: scbnHidden };
    this.norm = new SemanticConditionedBatchNorm({ ...scbn, activation: "glu" });
  }

  forward(input: Tensor, text: TextFeatures): Tensor {
    return this.norm.forward(this.conv.forward(input), text);
  }
}

/** x + BN(conv(GLU(BN(conv(x))))): [B, n, S, S] → the same. */
export class ResidualBlock extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly norm1: nn.BatchNorm;
  readonly conv2: nn.Conv2d;
  readonly norm2: nn.BatchNorm;

  constructor(channels: number) {
    super();
    this.conv1 = conv3x3(channels, 2 * channels);
    this.norm1 = new nn.BatchNorm(2 * channels, { activation: "glu" });
    this.conv2 = conv3x3(channels, channels);
    this.norm2 = new nn.BatchNorm(channels);
  }

  forward(input: Tensor): Tensor {
    const inner = this.norm1.forward(this.conv1.forward(input));
    return input.add(this.norm2.forward(this.conv2.forward(inner)));
  }
}
