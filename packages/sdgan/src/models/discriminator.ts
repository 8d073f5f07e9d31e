/**
 * The discriminator of one stage (Xu et al., 2018): convolutions down to 4×4, then two heads. The unconditional head
 * predicts whether an image is real, the conditional head whether it is real and matches the sentence. The contrastive
 * loss compares its features of the two Siamese branches' images.
 */
import { cat, nn, type Tensor } from "@sdgan/torch";
import { atLeastFloat32, conv3x3, initialize } from "./layers.js";

export interface DiscriminatorOptions {
  /** d, the channels of the first convolution at 64 pixels; the heads get 8d channels at every size. */
  width: number;
  /** Pixels per side of its input images: 4 times a power of two. */
  imageSize: number;
  /** D, the width of the sentence feature. */
  textWidth: number;
}

export class Discriminator extends nn.Module {
  readonly down: DownBlock[];
  /** 3×3 blocks that reduce the channels to 8d for images of more than 64 pixels. */
  readonly narrow: ConvBlock[];
  readonly joint: ConvBlock;
  readonly conditionalHead: nn.Conv2d;
  readonly unconditionalHead: nn.Conv2d;

  constructor({ width, imageSize, textWidth }: DiscriminatorOptions) {
    super();
    const features = 8 * width;
    const halvings = Math.log2(imageSize / 4);
    // Channels double with every halving; smaller images start wider, larger ones end wider.
    const first = halvings < 4 ? features / 2 ** (halvings - 1) : width;
    const channels = Array.from({ length: halvings }, (_, i) => first * 2 ** i);
    this.down = channels.map((out, i) => new DownBlock(i === 0 ? 3 : channels[i - 1]!, out, i > 0));
    const last = channels.at(-1)!;
    this.narrow = Array.from(
      { length: Math.log2(last / features) },
      (_, i) => new ConvBlock(last / 2 ** i, last / 2 ** (i + 1)),
    );
    this.joint = new ConvBlock(features + textWidth, features);
    this.conditionalHead = new nn.Conv2d(features, 1, 4, { stride: 4 });
    this.unconditionalHead = new nn.Conv2d(features, 1, 4, { stride: 4 });
    initialize(this);
  }

  /**
   * image [B, 3, S, S] → features [B, 8d, 4, 4].
   *
   * @param batches sizes of consecutive batches in `image`; BN normalizes each separately, as in separate calls
   */
  forward(image: Tensor, batches?: readonly number[]): Tensor {
    return [...this.down, ...this.narrow].reduce(
      (hidden: Tensor, block) => block.forward(hidden, batches),
      image,
    );
  }

  /** Logits [B], float32 or more: is this image real? */
  unconditional(features: Tensor): Tensor {
    return atLeastFloat32(this.unconditionalHead.forward(features)).view(-1);
  }

  /** Logits [B], float32 or more: is this image real, and does it match this sentence [B, D]? */
  conditional(features: Tensor, sentence: Tensor, batches?: readonly number[]): Tensor {
    const [B, , H, W] = features.shape as [number, number, number, number];
    const spread = sentence.to(features.dtype).view(B, -1, 1, 1).expand(-1, -1, H, W);
    const joined = cat([features, spread], 1); // [B, 8d + D, 4, 4]
    return atLeastFloat32(this.conditionalHead.forward(this.joint.forward(joined, batches))).view(-1);
  }
}

const leaky = { activation: "leaky_relu", slope: 0.2 } as const;

/** 4×4 convolution with stride 2, BN (not on the image itself), LeakyReLU: half the size. */
export class DownBlock extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly norm: nn.BatchNorm | null;

  constructor(inChannels: number, outChannels: number, normalized: boolean) {
    super();
    this.conv = new nn.Conv2d(inChannels, outChannels, 4, { stride: 2, padding: 1, bias: false });
    this.norm = normalized ? new nn.BatchNorm(outChannels, leaky) : null;
  }

  forward(input: Tensor, batches?: readonly number[]): Tensor {
    const hidden = this.conv.forward(input);
    if (!this.norm) return hidden.leakyRelu_(leaky.slope);
    return batches ? this.norm.forwardBatches(hidden, batches) : this.norm.forward(hidden);
  }
}

/** 3×3 convolution, BN, LeakyReLU: the same size. */
export class ConvBlock extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly norm: nn.BatchNorm;

  constructor(inChannels: number, outChannels: number) {
    super();
    this.conv = conv3x3(inChannels, outChannels);
    this.norm = new nn.BatchNorm(outChannels, leaky);
  }

  forward(input: Tensor, batches?: readonly number[]): Tensor {
    const hidden = this.conv.forward(input);
    return batches ? this.norm.forwardBatches(hidden, batches) : this.norm.forward(hidden);
  }
}
