/**
 * The discriminator of one stage (Xu et al., 2018): convolutions down to 4×4, then two heads. The unconditional head
 * predicts whether an image is real, the conditional head whether it is real and matches the sentence. The contrastive
 * loss compares its features of the two Siamese branches' images.
 */
import { call, cat, functional, nn, type Tensor, tensor } from "@sdgan/torch";
import { atLeastFloat32, initialize } from "./layers.js";
import { SpectralConv2d } from "./spectral-norm.js";

/** `batch`: BN after every convolution but the first and the heads. `spectral`: spectral norm of every convolution, no BN. */
export type DiscriminatorNorm = "batch" | "spectral";

export interface DiscriminatorOptions {
  /** d, the channels of the first convolution at 64 pixels; the heads get 8d channels at every size. */
  width: number;
  /** Pixels per side of its input images: 4 times a power of two. */
  imageSize: number;
  /** D, the width of the sentence feature. */
  textWidth: number;
  /** By default `batch`, as in the published code. */
  norm?: DiscriminatorNorm;
}

/** What the training needs of a discriminator. */
export interface DiscriminatorNetwork extends nn.Module {
  /** image [B, 3, S, S] → features [B, 8d, 4, 4], of consecutive batches of these sizes */
  forward(image: Tensor, batches?: readonly number[]): Tensor;
  /** Logits [B], float32 or more: is this image real? */
  unconditional(features: Tensor): Tensor;
  /**
   * Logits [S], float32 or more: is this image real, and does it match this sentence [S, D]? Sentences after the first B
   * are for the first images again, S ≤ 2B.
   */
  conditional(features: Tensor, sentences: Tensor, batches?: readonly number[]): Tensor;
}

export class Discriminator extends nn.Module implements DiscriminatorNetwork {
  readonly down: DownBlock[];
  /** 3×3 blocks that reduce the channels to 8d for images of more than 64 pixels. */
  readonly narrow: ConvBlock[];
  readonly joint: JointBlock;
  readonly conditionalHead: nn.Conv2d;
  readonly unconditionalHead: nn.Conv2d;

  constructor({ width, imageSize, textWidth, norm = "batch" }: DiscriminatorOptions) {
    super();
    const features = 8 * width;
    const halvings = Math.log2(imageSize / 4);
    // Channels double with every halving; smaller images start wider, larger ones end wider.
    const first = halvings < 4 ? features / 2 ** (halvings - 1) : width;
    const channels = Array.from({ length: halvings }, (_, i) => first * 2 ** i);
    this.down = channels.map((out, i) => new DownBlock(i === 0 ? 3 : channels[i - 1]!, out, i > 0, norm));
    const last = channels.at(-1)!;
    this.narrow = Array.from(
      { length: Math.log2(last / features) },
      (_, i) => new ConvBlock(last / 2 ** i, last / 2 ** (i + 1), norm),
    );
    this.joint = new JointBlock(features, textWidth, norm);
    this.conditionalHead = makeHead(features, norm);
    this.unconditionalHead = makeHead(features, norm);
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
    return logitsOf(this.unconditionalHead, features);
  }

  conditional(features: Tensor, sentences: Tensor, batches?: readonly number[]): Tensor {
    return logitsOf(this.conditionalHead, this.joint.conditioned(features, sentences, batches));
  }
}

/** A head for features [B, channels, 4, 4]: a 4×4 convolution, whose result is one value. */
export function makeHead(channels: number, norm: DiscriminatorNorm): nn.Conv2d {
  return convolution(norm, channels, 1, 4, { stride: 4, bias: true });
}

/** A head's logits: [B, channels, 4, 4] → [B], float32 or more. A product is faster than a convolution with one value. */
export function logitsOf(head: nn.Conv2d, features: Tensor): Tensor {
  const flat = (values: Tensor) => atLeastFloat32(values).permute(0, 2, 3, 1).flatten(1); // Without a copy if channels are last.
  return functional.linear(flat(features), flat(weightOf(head)), head.bias).view(-1);
}

/** The weight that a convolution uses: [O, I, kH, kW]. */
function weightOf(conv: nn.Conv2d): Tensor {
  return conv instanceof SpectralConv2d ? conv.normalizedWeight() : conv.weight;
}

const leaky = { activation: "leaky_relu", slope: 0.2 } as const;

/** A convolution, with spectral norm if that is the norm. A bias does what BN's would. */
function convolution(
  norm: DiscriminatorNorm,
  inChannels: number,
  outChannels: number,
  kernel: number,
  options: nn.Conv2dOptions,
): nn.Conv2d {
  return norm === "spectral"
    ? new SpectralConv2d(inChannels, outChannels, kernel, { ...options, bias: true })
    : new nn.Conv2d(inChannels, outChannels, kernel, options);
}

/** A convolution, BN or spectral norm, LeakyReLU. */
abstract class Block extends nn.Module {
  abstract readonly conv: nn.Conv2d;
  /** null for spectral norm, which is part of the convolution, and on the image itself. */
  abstract readonly norm: nn.BatchNorm | null;

  forward(input: Tensor, batches?: readonly number[]): Tensor {
    return this.normalized(this.conv.forward(input), batches);
  }

  protected normalized(hidden: Tensor, batches?: readonly number[]): Tensor {
    if (!this.norm) return hidden.leakyRelu_(leaky.slope);
    return batches ? this.norm.forwardBatches(hidden, batches) : this.norm.forward(hidden);
  }
}

/** 4×4 convolution with stride 2, norm (BN not on the image itself), LeakyReLU: half the size. */
export class DownBlock extends Block {
  readonly conv: nn.Conv2d;
  readonly norm: nn.BatchNorm | null;

  constructor(
    inChannels: number,
    outChannels: number,
    normalized: boolean,
    norm: DiscriminatorNorm = "batch",
  ) {
    super();
    this.conv = convolution(norm, inChannels, outChannels, 4, { stride: 2, padding: 1, bias: false });
    this.norm = normalized && norm === "batch" ? new nn.BatchNorm(outChannels, leaky) : null;
  }
}

/** 3×3 convolution, or one of another odd size, norm, LeakyReLU: the same size. */
export class ConvBlock extends Block {
  readonly conv: nn.Conv2d;
  readonly norm: nn.BatchNorm | null;

  constructor(inChannels: number, outChannels: number, norm: DiscriminatorNorm = "batch", kernel = 3) {
    super();
    this.conv = convolution(norm, inChannels, outChannels, kernel, { padding: kernel >> 1, bias: false });
    this.norm = norm === "batch" ? new nn.BatchNorm(outChannels, leaky) : null;
  }
}

/**
 * The block before the conditional head: features [B, C, H, W] and the sentence [S, D] at every place → [S, C, H, W].
 *
 * A convolution of the same vector at all places differs between places only by the values of the kernel that lie outside,
 * so the sentence needs one product with the weights instead of one per place. And the features' part is computed once
 * for an image that several sentences are compared with.
 */
export class JointBlock extends ConvBlock {
  readonly #features: number;
  readonly #inside: Tensor;

  /** @param size H and W */
  constructor(
    features: number,
    textWidth: number,
    norm: DiscriminatorNorm,
    size: readonly [number, number] = [4, 4],
  ) {
    super(features + textWidth, features, norm);
    this.#features = features;
    this.#inside = this.constant(valuesInside(this.conv.weight.size(2), size));
  }

  /** Sentences after the first B are for the first images again, S ≤ 2B. */
  conditioned(features: Tensor, sentences: Tensor, batches?: readonly number[]): Tensor {
    const { conv } = this;
    const { dtype } = features;
    const [B, H, W] = [features.size(0), features.size(2), features.size(3)];
    const S = sentences.size(0);
    const [C, all] = conv.weight.shape as [number, number];
    const [forFeatures, forSentence] = call<Tensor[]>(
      "split_with_sizes",
      weightOf(conv).to(dtype),
      [this.#features, all - this.#features],
      1,
    ) as [Tensor, Tensor];
    const options = { padding: conv.padding, bias: conv.bias?.to(dtype) ?? null };
    const ofImages = functional.conv2d(features, forFeatures, options);
    // [S, C · kH·kW]: the sentence's product with each value of the kernel; then sums of those that lie inside.
    const products = sentences.to(dtype).matmul(forSentence.permute(0, 2, 3, 1).flatten(0, 2).t());
    const ofSentences = atLeastFloat32(products).view(S, C, -1).matmul(this.#inside).view(S, C, H, W);
    const repeated = S > B ? cat([ofImages, ofImages.narrow(0, 0, S - B)]) : ofImages;
    return this.normalized(repeated.add(ofSentences.to(dtype).contiguous("channels_last")), batches);
  }
}

/** [k·k, H·W]: 1 where a value of a kernel with padding k >> 1 lies inside the map when it is at a place. */
function valuesInside(kernel: number, [H, W]: readonly [number, number]): Tensor {
  const along = (size: number) => {
    const inside = Array.from({ length: kernel * size }, (_, i) => {
      const at = Math.floor(i / size) + (i % size) - (kernel >> 1);
      return at >= 0 && at < size ? 1 : 0;
    });
    return tensor(inside, { dtype: "float32" }).view(kernel, size);
  };
  return call("kron", along(H), along(W));
}
