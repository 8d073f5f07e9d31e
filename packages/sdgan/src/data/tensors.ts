/** Between the loader's arrays and tensors. */
import { type Tensor, tensor } from "@sdgan/torch";
import type { Compute } from "../compute/compute.js";
import type { Device } from "../compute/device.js";
import type { Batch, BatchPlan } from "./batch.js";
import type { Images } from "./pyramid.js";

/** Images in −1 … 1: [B, 3, S, S], channels last. What goes to a GPU is their bytes. */
export function imagesOf(
  { pixels, size, lengths }: Pick<Batch, "pixels" | "size" | "lengths">,
  { dtype, device }: Compute,
): Tensor {
  const bytes = tensor(pixels, { shape: [lengths.length, size, size, 3], device }).permute(0, 3, 1, 2);
  return bytes.to("float32").div(127.5).sub(1).to(dtype);
}

/** Images that were made ready, a copy of them: [N, 3, S, S], channels last. */
export function tensorOf({ values, size }: Images, { dtype, device }: Compute): Tensor {
  const count = values.length / (size * size * 3);
  return tensor(values, { shape: [count, size, size, 3], device })
    .permute(0, 3, 1, 2)
    .to(dtype);
}

/** Tokens [B, T], int64, of one batch or of several, one after another. Lengths stay on the CPU. */
export function tokensOf(
  batches: readonly Pick<BatchPlan, "tokens" | "lengths">[],
  device: Device,
): { tokens: Tensor; lengths: Int32Array } {
  const places = Math.max(...batches.flatMap(({ lengths }) => [...lengths]));
  const lengths = Int32Array.from(batches.flatMap((batch) => [...batch.lengths]));
  const padded = new Int32Array(lengths.length * places);
  let row = 0;
  for (const { tokens, lengths: own } of batches) {
    const T = tokens.length / own.length;
    for (let b = 0; b < own.length; b++, row++)
      padded.set(tokens.subarray(b * T, b * T + own[b]!), row * places);
  }
  return { tokens: tensor(padded, { shape: [lengths.length, places], dtype: "int64", device }), lengths };
}

export function classIdsOf(batches: readonly Pick<BatchPlan, "classIds">[], device: Device): Tensor {
  return tensor(
    batches.flatMap(({ classIds }) => [...classIds]),
    { dtype: "int64", device },
  );
}
