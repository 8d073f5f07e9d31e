/**
 * Inception-v3 (Szegedy et al., 2015, arXiv 1512.00567) with the names of torchvision's `state_dict`, for inference
 * only. Users provide the weights (`artifacts/inception-file.ts`). Both supported sets were trained with TensorFlow and
 * take images of 299 pixels in −1 … 1:
 *
 * - `torchvision`: used by DAMSM's image encoder. (torchvision's `transform_input` converts images that were normalized by
 *   ImageNet's mean and deviation back to −1 … 1; AttnGAN uses −1 … 1 directly, as is done here.)
 * - `fid`: the network of 2015 that defines the Fréchet Inception Distance (Heusel et al., 2017), as ported by
 *   pytorch-fid. Means exclude places beyond the edge, the last block uses max pooling instead of a mean, and there are
 *   1,008 classes. Metrics are computed in float32.
 */
import { functional, nn, scope, type Tensor } from "@sdgan/torch";
import { atLeastFloat32 } from "../layers.js";
import { InceptionA, InceptionB, InceptionC, InceptionD, InceptionE } from "./blocks.js";
import { ConvBn, halve, largest, meanWithEdge, meanWithin } from "./layers.js";

export type InceptionVariant = "torchvision" | "fid";

/** Number of classes of the logits: 1000 of ImageNet; 1008 including unused ones. */
export const inceptionClasses: Record<InceptionVariant, number> = { torchvision: 1000, fid: 1008 };

/** Pixels per side of Inception's input. */
export const inceptionSize = 299;

export interface InceptionFeatures {
  /** Mixed_6e, for 299 pixels: [B, 768, 17, 17]. */
  regions: Tensor;
  /** The mean over all places of Mixed_7c: [B, 2048]. At least float32. */
  pool3: Tensor;
}

/** Inception-v3 without its classifier. Frozen: gradients pass through it to the image, and its weights get none. */
export class InceptionTrunk extends nn.Module {
  readonly Conv2d_1a_3x3 = new ConvBn(3, 32, 3, { stride: 2 });
  readonly Conv2d_2a_3x3 = new ConvBn(32, 32, 3);
  readonly Conv2d_2b_3x3 = new ConvBn(32, 64, 3, { padding: 1 });
  readonly Conv2d_3b_1x1 = new ConvBn(64, 80, 1);
  readonly Conv2d_4a_3x3 = new ConvBn(80, 192, 3);
  readonly Mixed_5b: InceptionA;
  readonly Mixed_5c: InceptionA;
  readonly Mixed_5d: InceptionA;
  readonly Mixed_6a = new InceptionB(288);
  readonly Mixed_6b: InceptionC;
  readonly Mixed_6c: InceptionC;
  readonly Mixed_6d: InceptionC;
  readonly Mixed_6e: InceptionC;
  readonly Mixed_7a = new InceptionD();
  readonly Mixed_7b: InceptionE;
  readonly Mixed_7c: InceptionE;

  constructor(readonly variant: InceptionVariant) {
    super();
    const mean = variant === "fid" ? meanWithin : meanWithEdge;
    this.Mixed_5b = new InceptionA(192, 32, mean);
    this.Mixed_5c = new InceptionA(256, 64, mean);
    this.Mixed_5d = new InceptionA(288, 64, mean);
    this.Mixed_6b = new InceptionC(128, mean);
    this.Mixed_6c = new InceptionC(160, mean);
    this.Mixed_6d = new InceptionC(160, mean);
    this.Mixed_6e = new InceptionC(192, mean);
    this.Mixed_7b = new InceptionE(1280, mean);
    this.Mixed_7c = new InceptionE(2048, variant === "fid" ? largest : mean);
    this.requiresGrad(false);
  }

  /**
   * @param image [B, 3, 299, 299] in −1 … 1, in the dtype to compute in; other sizes from 75 pixels on also work and
   *   give another number of regions
   */
  features(image: Tensor): InceptionFeatures {
    const { regions, last } = this.maps(image);
    return { regions, pool3: functional.globalAveragePool(atLeastFloat32(last)) };
  }

  /** Mixed_6a [B, 768, 17, 17], Mixed_6e (the same shape) and Mixed_7c [B, 2048, 8, 8], for 299 pixels. */
  maps(image: Tensor): { middle: Tensor; regions: Tensor; last: Tensor } {
    const stem = through(
      image,
      this.Conv2d_1a_3x3, // [B, 32, 149, 149]
      this.Conv2d_2a_3x3, // [B, 32, 147, 147]
      this.Conv2d_2b_3x3, // [B, 64, 147, 147]
      { forward: halve }, // [B, 64, 73, 73]
      this.Conv2d_3b_1x1, // [B, 80, 73, 73]
      this.Conv2d_4a_3x3, // [B, 192, 71, 71]
      { forward: halve }, // [B, 192, 35, 35]
    );
    const middle = through(stem, this.Mixed_5b, this.Mixed_5c, this.Mixed_5d, this.Mixed_6a);
    const regions = through(middle, this.Mixed_6b, this.Mixed_6c, this.Mixed_6d, this.Mixed_6e);
    const last = through(regions, this.Mixed_7a, this.Mixed_7b, this.Mixed_7c); // [B, 2048, 8, 8]
    return { middle, regions, last };
  }
}

/** Inception-v3 with its classifier. */
export class InceptionV3 extends InceptionTrunk {
  readonly fc: nn.Linear;

  constructor(variant: InceptionVariant) {
    super(variant);
    this.fc = new nn.Linear(2048, inceptionClasses[variant]).requiresGrad(false);
  }

  /** The same as `features`, with logits: [B, 1000] or [B, 1008]. */
  forward(image: Tensor): InceptionFeatures & { logits: Tensor } {
    const features = this.features(image);
    return { ...features, logits: this.fc.forward(features.pool3) };
  }
}

/** Applies one layer after another. Intermediate tensors are freed at once, unless a gradient needs them. */
function through(input: Tensor, ...layers: Pick<nn.Layer, "forward">[]): Tensor {
  return layers.reduce((hidden, layer) => scope(() => layer.forward(hidden)), input);
}
