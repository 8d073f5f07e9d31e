/** Images stretched to Inception's 299 pixels. Every figure that Inception has a part in depends on how. */
import { arange, functional, type Tensor } from "@sdgan/torch";
import { inceptionSize } from "./inception-v3.js";

/**
 * [B, 3, H, W] → [B, 3, 299, 299] as PyTorch does it since 0.4: bilinear, centres of pixels on centres of pixels
 * (`align_corners=False`), for DAMSM. AttnGAN's checkpoints of 2018 were trained on an older PyTorch, which laid corners
 * on corners; between 256 and 299 pixels the two differ by less than half a pixel.
 */
export function stretchToInception(images: Tensor): Tensor {
  return functional.upsampleBilinear(images, inceptionSize, inceptionSize);
}

/**
 * [B, 3, H, W] → [B, 3, 299, 299] as TensorFlow 1's `resize_bilinear` does it, which FID was defined with: pixel i of
 * the result is read at i·H/299, between its neighbours, without antialias. (pytorch-fid stretches as
 * `stretchToInception` does: another half pixel, and another figure.)
 */
export function stretchLikeTensorflow(images: Tensor): Tensor {
  const [rows, columns] = [images.size(2), images.size(3)].map((size) => interpolation(size, images));
  return rows!.matmul(images).matmul(columns!.t());
}

/** [299, size]: which shares of `size` places each of 299 is made of. */
function interpolation(size: number, { dtype, device }: Tensor): Tensor {
  const places = arange(0, size, 1, { dtype, device });
  const at = arange(0, inceptionSize, 1, { dtype, device })
    .mul(size / inceptionSize)
    .clamp(0, size - 1);
  return at.unsqueeze(1).sub(places).abs().neg().add(1).clamp(0); // 1 − distance, down to 0
}
