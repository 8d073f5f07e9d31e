import { nn, type Tensor } from "@sdgan/torch";
import type { ImageEncoder, ImageFeatures, MapShape } from "./image-encoder.js";
import { InceptionTrunk } from "./inception/inception-v3.js";
import { stretchToInception } from "./inception/resize.js";
import { atLeastFloat32 } from "./layers.js";

/**
 * DAMSM's image encoder for photographs (Xu et al., 2018, §3.2): regions are Mixed_6e of a frozen Inception-v3, the code
 * is its pool3. One layer each maps them to the width of the text features; only these two layers are trained. Gradients
 * pass through the whole network to the image.
 *
 * In the published code, Inception's batch normalizations use each batch's statistics while DAMSM is trained; here they
 * are frozen too.
 */
export class InceptionImageEncoder extends nn.Module implements ImageEncoder {
  readonly inception = new InceptionTrunk("torchvision");
  readonly toRegions: nn.Conv2d;
  readonly toCode: nn.Linear;
  readonly mapShapes: readonly MapShape[] = [
    [768, 17],
    [768, 17],
    [2048, 8],
  ];

  /** @param textWidth D, the width of the text features */
  constructor(textWidth: number) {
    super();
    this.toRegions = new nn.Conv2d(768, textWidth, 1, { bias: false });
    this.toCode = new nn.Linear(2048, textWidth);
    for (const { weight } of [this.toRegions, this.toCode]) nn.init.uniform(weight, -0.1, 0.1);
  }

  /** Mixed_6a, Mixed_6e and Mixed_7c, for images of any size. */
  maps(image: Tensor): Tensor[] {
    const { middle, regions, last } = this.inception.maps(stretchToInception(image));
    return [middle, regions, last];
  }

  /** @param image [B, 3, S, S] in −1 … 1; regions are [B, D, 17, 17] for any S */
  forward(image: Tensor): ImageFeatures {
    const { regions, pool3 } = this.inception.features(stretchToInception(image));
    return { regions: atLeastFloat32(this.toRegions.forward(regions)), code: this.toCode.forward(pool3) };
  }
}
