/** Resizing of images to Inception's 299 pixels. All metrics that use Inception depend on the method. */
import { arange, functional, type Tensor } from "@sdgan/torch";
import { inceptionSize } from "./inception-v3.js";

/**
 * [B, 3, H, W] → [B, 3, 299, 299] as in PyTorch since 0.4, for DAMSM: bilinear, with pixel centres aligned
 * (`align_corners=False`). AttnGAN's checkpoints of 2018 were trained with an older PyTorch, which aligned corners; between
 * 256 and 299 pixels the two differ by less than half a pixel.
 */
export function stretchToInception(images: Tensor): Tensor {
  return functional.upsampleBilinear(images, inceptionSize, inceptionSize);
}

/**
 * [B, 3, H, W] → [B, 3, 299, 299] as in TensorFlow 1's `resize_bilinear`, which FID was defined with: pixel i of the
 * result is interpolated at i·H/299, without antialiasing. (pytorch-fid resizes like `stretchToInception`, which aligns
 * pixel centres and gives another FID.)
 */
export function stretchLikeTensorflow(images: Tensor): Tensor {
  const [rows, columns] = [images.size(2), images.size(3)].map((size) => interpolation(size, images));
  return rows!.matmul(images).matmul(columns!.t());
}

/** [299, size]: the weights of `size` places in each of 299. */
function interpolation(size: number, { dtype, device }: Tensor): Tensor {
  const places = arange(0, size, 1, { dtype, device });
  const at = arange(0, inceptionSize, 1, { dtype, device })
    .mul(size / inceptionSize)
    .clamp(0, size - 1);
  return at.unsqueeze(1).sub(places).abs().neg().add(1).clamp(0); // max(0, 1 − distance)
}
