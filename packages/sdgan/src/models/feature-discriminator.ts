/**
 * A discriminator on the features of a frozen network, as in Projected GAN (Sauer et al., 2021, arXiv 2111.01007) and
 * GALIP (Tao et al., 2023, arXiv 2301.12959): what the network has learned of such images need not be learned from few
 * of them. The network here is DAMSM's image encoder.
 */
import { functional, nn, type Tensor } from "@sdgan/torch";
import {
  ConvBlock,
  type DiscriminatorNetwork,
  type DiscriminatorNorm,
  DownBlock,
  JointBlock,
  logitsOf,
  makeHead,
} from "./discriminator.js";
import type { MapShape } from "./image-encoder.js";
import { initialize } from "./layers.js";

export interface FeatureDiscriminatorOptions {
  /** d; the heads get 8d channels. */
  width: number;
  /** D, the width of the sentence feature. */
  textWidth: number;
  /** By default `batch`. */
  norm?: DiscriminatorNorm;
  /** The frozen network's features of images [B, 3, S, S], fine to coarse. Gradients pass through it to the image. */
  maps(image: Tensor): Tensor[];
  /** [channels, pixels per side] of each of `maps`. */
  mapShapes: readonly MapShape[];
}

/**
 * Each map is projected by a 1×1 convolution and added to what the finer maps gave, which is halved in between where the
 * next map is smaller. The result is halved further down to 4×4. Maps of less than 4×4 are not used. The heads are those of
 * `Discriminator`. The frozen network is no child: its weights are in neither state nor parameters.
 */
export class FeatureDiscriminator extends nn.Module implements DiscriminatorNetwork {
  /** One per map that is used. */
  readonly project: ConvBlock[];
  /** In the order in which they are applied. */
  readonly reduce: DownBlock[];
  readonly joint: JointBlock;
  readonly conditionalHead: nn.Conv2d;
  readonly unconditionalHead: nn.Conv2d;
  readonly #maps: FeatureDiscriminatorOptions["maps"];
  /** Pixels per side of each map that is used. */
  readonly #sizes: number[];

  constructor({ width, textWidth, norm = "batch", maps, mapShapes }: FeatureDiscriminatorOptions) {
    super();
    const used = mapShapes.filter(([, size]) => size >= places);
    if (used.length === 0)
      throw new RangeError(
        `FeatureDiscriminator: expected maps of ${places}×${places} or more, found ${mapShapes.join("; ")}`,
      );
    this.#maps = maps;
    this.#sizes = used.map(([, size]) => size);
    const features = 8 * width;
    // Channels double with every halving, up to those of the heads.
    const all = halvings(this.#sizes[0]!, places);
    const channelsAfter = (count: number) => Math.max(1, features >> (all - count));
    this.project = used.map(
      ([channels, size]) => new ConvBlock(channels, channelsAfter(halvings(this.#sizes[0]!, size)), norm, 1),
    );
    this.reduce = Array.from(
      { length: all },
      (_, i) => new DownBlock(channelsAfter(i), channelsAfter(i + 1), true, norm),
    );
    this.joint = new JointBlock(features, textWidth, norm);
    this.conditionalHead = makeHead(features, norm);
    this.unconditionalHead = makeHead(features, norm);
    initialize(this);
  }

  /** image [B, 3, S, S] → features [B, 8d, 4, 4]; see `Discriminator.forward` */
  forward(image: Tensor, batches?: readonly number[]): Tensor {
    const maps = this.#maps(image);
    const reduce = this.reduce.values();
    let hidden: Tensor | undefined;
    for (const [i, project] of this.project.entries()) {
      while (hidden && hidden.size(2) > this.#sizes[i]!)
        hidden = reduce.next().value!.forward(hidden, batches);
      const projected = project.forward(maps[i]!, batches);
      hidden = hidden ? hidden.add(projected) : projected;
    }
    for (const block of reduce) hidden = block.forward(hidden!, batches);
    return hidden!.size(2) === places ? hidden! : functional.adaptiveAvgPool2d(hidden!, places);
  }

  unconditional(features: Tensor): Tensor {
    return logitsOf(this.unconditionalHead, features);
  }

  conditional(features: Tensor, sentences: Tensor, batches?: readonly number[]): Tensor {
    return logitsOf(this.conditionalHead, this.joint.conditioned(features, sentences, batches));
  }
}

/** Pixels per side of the features. */
const places = 4;

/** How many `DownBlock`s reduce `from` pixels to `to` or fewer, but not below `places`. */
function halvings(from: number, to: number): number {
  let count = 0;
  for (let size = from; size > to && size >> 1 >= places; size >>= 1) count++;
  return count;
}
