/** Converts the loader's arrays to tensors. */
import { type Tensor, tensor } from "@sdgan/torch";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import { tokenTensor } from "../compute/tokens.js";
import type { Batch, BatchPlan } from "./batch.js";
import type { ResizedImages } from "./pyramid.js";

/** Images in −1 … 1: [B, 3, S, S], channels last. They are copied to a GPU as bytes and converted there. */
export function imagesOf(
  { pixels, size, lengths }: Pick<Batch, "pixels" | "size" | "lengths">,
  { dtype, device }: Compute,
): Tensor {
  const bytes = tensor(pixels, { shape: [lengths.length, size, size, 3], device }).permute(0, 3, 1, 2);
  return bytes.to("float32").div(127.5).sub(1).to(dtype);
}

/** A copy of prefetched images: [N, 3, S, S], channels last. */
export function tensorOf({ values, size }: ResizedImages, { dtype, device }: Compute): Tensor {
  const count = values.length / (size * size * 3);
  return tensor(values, { shape: [count, size, size, 3], device })
    .permute(0, 3, 1, 2)
    .to(dtype);
}

/** Tokens [B, T], int64, of one batch or of several, concatenated. Lengths stay on the CPU. */
export function tokensOf(
  batches: readonly Pick<BatchPlan, "tokens" | "lengths">[],
  device: Device,
): { tokens: Tensor; lengths: Int32Array } {
  return tokenTensor(batches.flatMap(captionsOf), device);
}

/** The tokens of each caption, without those after its end. */
export function captionsOf({ tokens, lengths }: Pick<BatchPlan, "tokens" | "lengths">): Int32Array[] {
  const T = tokens.length / lengths.length;
  return Array.from(lengths, (length, b) => tokens.subarray(b * T, b * T + length));
}

export function classIdsOf(batches: readonly Pick<BatchPlan, "classIds">[], device: Device): Tensor {
  return tensor(
    batches.flatMap(({ classIds }) => [...classIds]),
    { dtype: "int64", device },
  );
}
