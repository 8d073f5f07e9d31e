import { nn, type Tensor } from "@sdgan/torch";
import { ConvBlock, DownBlock } from "./discriminator.js";
import { atLeastFloat32 } from "./layers.js";

/**
 * Predicts the attributes that an image shows: one classifier per attribute on shared convolutions. It is trained on real
 * images only and shares no weights with the GAN.
 */
export class AttributeClassifier extends nn.Module {
  readonly blocks: (DownBlock | ConvBlock)[];
  readonly heads: nn.Linear[];

  /** @param values number of values of each attribute */
  constructor(
    values: readonly number[],
    readonly width = 32,
  ) {
    super();
    this.blocks = [
      new DownBlock(3, width, false),
      new ConvBlock(width, width),
      new DownBlock(width, 2 * width, true),
      new ConvBlock(2 * width, 2 * width),
      new DownBlock(2 * width, 4 * width, true),
      new DownBlock(4 * width, 8 * width, true),
    ];
    const flat = 8 * width * 4 * 4;
    this.heads = values.map((count) => new nn.Linear(flat, count));
  }

  /** image [B, 3, 64, 64] in −1 … 1 → logits [B, values] for each attribute. */
  forward(image: Tensor): Tensor[] {
    return this.extract(image).logits;
  }

  /** The logits, and the features that they are computed from, averaged over places: [B, 8 · width], at least float32. */
  extract(image: Tensor): { features: Tensor; logits: Tensor[] } {
    const hidden = this.blocks.reduce((input: Tensor, block) => block.forward(input), image);
    const places = atLeastFloat32(hidden); // [B, 8 · width, 4, 4]
    const flat = places.flatten(1);
    return { features: places.mean([2, 3]), logits: this.heads.map((head) => head.forward(flat)) };
  }
}
