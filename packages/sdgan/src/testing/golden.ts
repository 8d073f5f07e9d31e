import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSafetensors, type Tensor } from "@sdgan/torch";
import { expect } from "vitest";
import { wordMask } from "../models/text-encoder.js";

/** Outputs of the published PyTorch code. `GOLDEN_DIR` names another folder with files of the same names. */
const ownFolder = fileURLToPath(new URL("../../golden/", import.meta.url));
const folder = process.env.GOLDEN_DIR ?? ownFolder;
/** PyTorch's own files, which have their place in the package that reads them. */
const ownCheckpoints = fileURLToPath(new URL("../../../torch/golden/pth/", import.meta.url));

/** Whether the files are those that come with the project. */
export const isOwnGolden = relative(folder, ownFolder) === "";

/** What the published code trains with: taken where a file's metadata does not state it. */
const publishedSettings = {
  gamma: [4, 5, 10] as [number, number, number],
  gamma1: 4,
  adam: { lr: 2e-4, betas: [0.5, 0.999] as [number, number], eps: 1e-8 },
  kl_weight: 1,
};

/** Tensors of one file by name, and its metadata as JSON values where it is JSON. */
export interface Golden {
  tensors: Map<string, Tensor>;
  metadata: Record<string, unknown>;
  /** Throws for a name that is not there. */
  get(name: string): Tensor;
  /** Those below a prefix, named without it. */
  below(prefix: string): Map<string, Tensor>;
  /** The metadata's value, or the published code's where the file has none: of all of it, or of one of its fields. */
  setting<K extends keyof typeof publishedSettings>(key: K): (typeof publishedSettings)[K];
  /** Mask [B, T] for words [B, D, T]: by the lengths under this name, and all of it where the file has none. */
  mask(words: Tensor, lengths: string): Tensor;
}

/** The path of a golden file; of one of PyTorch's, "pth/…", the project's own where `GOLDEN_DIR` has none. */
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
