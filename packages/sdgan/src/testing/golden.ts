import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSafetensors, type Tensor } from "@sdgan/torch";
import { expect } from "vitest";
import { wordMask } from "../models/text-encoder.js";

/** Outputs of the published PyTorch code. `GOLDEN_DIR` names another folder with files of the same names. */
const ownFolder = fileURLToPath(new URL("../../golden/", import.meta.url));
const folder = process.env.GOLDEN_DIR ?? ownFolder;

/** Whether the files are those that come with the project. */
export const isOwnGolden = relative(folder, ownFolder) === "";

/** Tensors of one file by name, and its metadata as JSON values where it is JSON. */
export interface Golden {
  tensors: Map<string, Tensor>;
  metadata: Record<string, unknown>;
  /** Throws for a name that is not there. */
  get(name: string): Tensor;
  /** Those below a prefix, named without it. */
  below(prefix: string): Map<string, Tensor>;
  /** Mask [B, T] for words [B, D, T]: by the lengths under this name, and all of it where the file has none. */
  mask(words: Tensor, lengths: string): Tensor;
}

export function golden(name: string): Golden {
  const { tensors, metadata } = loadSafetensors(join(folder, `${name}.safetensors`));
  return {
    tensors,
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, text]) => [key, jsonOr(text)])),
    get(key) {
      const tensor = tensors.get(key);
      if (!tensor) throw new Error(`${name}.safetensors lacks ${key}`);
      return tensor;
    },
    below(prefix) {
      const inside = [...tensors].filter(([key]) => key.startsWith(prefix));
      return new Map(inside.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
    },
    mask(words, lengths) {
      const [B, , T] = words.shape as [number, number, number];
      return wordMask(tensors.get(lengths)?.toNumbers() ?? new Array<number>(B).fill(T), T);
    },
  };
}

/** Metadata is JSON, or prose. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** max |a − b| / max |b| */
export function relativeError(actual: Tensor, expected: Tensor): number {
  expect(actual.shape).toEqual(expected.shape);
  const scale = expected.abs().amax([]).item();
  return actual.detach().sub(expected).abs().amax([]).item() / (scale || 1);
}

/** Largest difference, relative to the largest expected value, under `tolerance`. */
export function expectClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  expect(relativeError(actual, expected)).toBeLessThan(tolerance);
}
