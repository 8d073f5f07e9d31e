import { nn, type Tensor } from "@sdgan/torch";
import { ConvBlock, DownBlock } from "./discriminator.js";
import { atLeastFloat32 } from "./layers.js";

/** The features that DAMSM compares with words and sentences. */
export interface ImageFeatures {
  /** Local features, one for each region: [B, D, H, W]. */
  regions: Tensor;
  /** The whole image's feature: [B, D]. */
  code: Tensor;
}

/** DAMSM's network for images [B, 3, S, S] in −1 … 1. */
export interface ImageEncoder extends nn.Module {
  forward(image: Tensor): ImageFeatures;
  /** Its hidden features, fine to coarse, in the shapes of `mapShapes`, in the image's dtype. */
  maps(image: Tensor): Tensor[];
  /** [channels, pixels per side] of each of `maps`. */
  readonly mapShapes: readonly MapShape[];
}

/** Channels, and pixels per side. */
export type MapShape = readonly [channels: number, size: number];

export interface ImageEncoderOptions {
  /** Channels of the first convolution. */
  width: number;
  /** S, pixels per side of its input images: a multiple of 16. */
  imageSize: number;
  /** D, the width of the text features. */
  textWidth: number;
}

/**
 * A small convolutional image encoder for DAMSM, for images other than photographs. Regions have an eighth of the image's
 * size. The code is a linear function of all places at a sixteenth of the size, not of their average, which could not
 * distinguish a red head on a blue body from the reverse.
 */
export class ConvolutionalImageEncoder extends nn.Module implements ImageEncoder {
  readonly down: DownBlock[];
  readonly mix: ConvBlock;
  readonly toRegions: nn.Conv2d;
  readonly last: DownBlock;
  readonly toCode: nn.Linear;
  readonly mapShapes: readonly MapShape[];

  constructor({ width, imageSize, textWidth }: ImageEncoderOptions) {
    super();
    this.down = [3, width, 2 * width].map((channels, i) => new DownBlock(channels, width * 2 ** i, i > 0));
    this.mix = new ConvBlock(4 * width, 4 * width);
    this.toRegions = new nn.Conv2d(4 * width, textWidth, 1, { bias: false });
    this.last = new DownBlock(4 * width, 8 * width, true);
    this.toCode = new nn.Linear(8 * width * (imageSize / 16) ** 2, textWidth);
    this.mapShapes = [1, 2, 4, 8].map((factor) => [factor * width, imageSize / (2 * factor)]);
  }

  /** At a half, a quarter, an eighth and a sixteenth of the image's size. */
  maps(image: Tensor): Tensor[] {
    const maps: Tensor[] = [];
    for (const block of this.down) maps.push(block.forward(maps.at(-1) ?? image));
    maps.push(this.mix.forward(maps.pop()!));
    return [...maps, this.last.forward(maps.at(-1)!)];
  }

  /** @param image [B, 3, S, S] in −1 … 1 */
  forward(image: Tensor): ImageFeatures {
    const hidden = this.mix.forward(this.down.reduce((input, block) => block.forward(input), image));
    const places = atLeastFloat32(this.last.forward(hidden)).flatten(1); // [B, 8 · width · S/16 · S/16]
    return { regions: atLeastFloat32(this.toRegions.forward(hidden)), code: this.toCode.forward(places) };
  }
}
