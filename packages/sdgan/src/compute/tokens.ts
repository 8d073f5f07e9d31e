import { paddedTokens } from "@sdgan/core";
import { type Tensor, tensor } from "@sdgan/torch";
import type { Device } from "./device.js";

/**
 * Input of the text encoder: tokens [B, T], int64, padded with 0 to the longest caption. Lengths stay on the
 * CPU.
 *
 * @param captions tokens of the B captions
 */
export function tokenTensor(
  captions: readonly ArrayLike<number>[],
  device: Device,
): { tokens: Tensor; lengths: Int32Array } {
  const { tokens, lengths } = paddedTokens(captions);
  const B = captions.length;
  return { tokens: tensor(tokens, { shape: [B, tokens.length / B], dtype: "int64", device }), lengths };
}
