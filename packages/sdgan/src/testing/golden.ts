import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSafetensors, type Tensor } from "@sdgan/torch";
import { expect } from "vitest";
import { wordMask } from "../models/text-encoder.js";

/** Outputs of the published PyTorch code. `GOLDEN_DIR` names another folder with files of the same names. */
const ownFolder = fileURLToPath(new URL("../../golden/", import.meta.url));
const folder = process.env.GOLDEN_DIR ?? ownFolder;
/** PyTorch's files, which are in the package that reads them. */
const ownCheckpoints = fileURLToPath(new URL("../../../torch/golden/pth/", import.meta.url));

/** Settings of the published code: the defaults if a file's metadata does not state them. */
const publishedSettings = {
  gamma: [4, 5, 10] as [number, number, number],
  gamma1: 4,
  adam: { lr: 2e-4, betas: [0.5, 0.999] as [number, number], eps: 1e-8 },
  kl_weight: 1,
};

/** Tensors of a file by name, and its metadata, parsed where it is JSON. */
export interface Golden {
  tensors: Map<string, Tensor>;
  metadata: Record<string, unknown>;
  /** Throws if there is no tensor of this name. */
  get(name: string): Tensor;
  /** Tensors whose names begin with a prefix, named without it. */
  below(prefix: string): Map<string, Tensor>;
  /** The metadata's value. Missing values and fields are those of the published code. */
  setting<K extends keyof typeof publishedSettings>(key: K): (typeof publishedSettings)[K];
  /** Mask [B, T] for words [B, D, T], by the lengths of this name; all true if the file has none. */
  mask(words: Tensor, lengths: string): Tensor;
}

/**
 * The path of a golden file. For PyTorch files ("pth/…") that `GOLDEN_DIR` does not have, that of the
 * project's file.
 */
export function goldenPath(name: string): string {
  const path = join(folder, name);
  return name.startsWith("pth/") && !existsSync(path)
    ? join(ownCheckpoints, name.slice("pth/".length))
    : path;
}

export function golden(name: string): Golden {
  const { tensors, metadata: texts } = loadSafetensors(goldenPath(`${name}.safetensors`));
  const metadata = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, jsonOr(text)]));
  return {
    tensors,
    metadata,
    get(key) {
      const tensor = tensors.get(key);
      if (!tensor) throw new Error(`${name}.safetensors lacks ${key}`);
      return tensor;
    },
    below(prefix) {
      const inside = [...tensors].filter(([key]) => key.startsWith(prefix));
      return new Map(inside.map(([key, tensor]) => [key.slice(prefix.length), tensor]));
    },
    setting<K extends keyof typeof publishedSettings>(key: K) {
      const [published, own] = [publishedSettings[key], metadata[key] ?? publishedSettings[key]];
      const fields = typeof published === "object" && !Array.isArray(published);
      return (fields ? { ...published, ...(own as object) } : own) as (typeof publishedSettings)[K];
    },
    mask(words, lengths) {
      const [B, , T] = words.shape as [number, number, number];
      return wordMask(tensors.get(lengths)?.toNumbers() ?? new Array<number>(B).fill(T), T);
    },
  };
}

/** Parsed JSON, or the text itself if it is not JSON. */
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

/** Expects the largest difference, relative to the largest expected value, to be less than `tolerance`. */
export function expectClose(actual: Tensor, expected: Tensor, tolerance: number): void {
  expect(relativeError(actual, expected)).toBeLessThan(tolerance);
}
