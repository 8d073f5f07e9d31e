import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError, type Vocabulary } from "@sdgan/core";
import { z } from "zod";
import { loadVocabulary } from "../util/vocabulary-file.js";
import type { Split } from "./dataset.js";
import { FILES, FORMAT, forEachSplit, type Index, indexSchema, SPLITS, VERSION } from "./format.js";
import { closePixels, openPixels, pixelReader, type StoredPixels } from "./pixels.js";
import { PreparedImages, readChecked } from "./prepared-images.js";

export type { PreparedCaption, PreparedImage } from "./format.js";

/** A prepared folder, open for reading. */
export interface Prepared {
  dir: string;
  /** SHA-256 of `index.json`. It identifies the data, wherever the folder is. */
  sha256: string;
  /** Name of the source that it was prepared from. */
  source: string;
  /** How the source differs from its usual form, by option, such as `{ captions: "paraphrases" }`. */
  variant: Record<string, string> | undefined;
  /** Side of the images that a model trained on this data generates. */
  size: number;
  /** Side of the stored images: at least `size`. */
  storedSize: number;
  classes: string[];
  /** Attribute name → its possible values, if the source has attributes. */
  attributes: Record<string, string[]> | undefined;
  vocabulary: Vocabulary;
  splits: Record<Split, PreparedSplit>;
  /** Closes the files; pixels cannot be read afterwards. */
  close(): void;
}

export interface PreparedSplit {
  split: Split;
  images: PreparedImages;
  /** Image `index` as [storedSize, storedSize, 3] bytes of sRGB. Valid until the next call; read-only. */
  pixels(index: number): Uint8Array;
  /** The same pixels, for other threads. */
  stored: StoredPixels;
}

/**
 * Opens a prepared folder. The pixels of a split are read into memory if they have fewer than `memoryLimit`
 * bytes; otherwise each image is read from the file on demand. The vocabulary and the lists of images are
 * verified by their checksums, pixel files only by their size: `verifyPrepared` also verifies the pixels.
 * Throws a `UserError` that names the file when something is missing, broken, truncated or of another
 * version.
 */
export function openPrepared(dir: string, { memoryLimit = 2 ** 30 } = {}): Prepared {
  const { index, sha256 } = readIndex(dir);
  const { summary, source, variant, size, storedSize, classes, attributes } = index;
  const vocabularyFile = join(dir, FILES.vocabulary);
  const vocabulary = loadVocabulary(vocabularyFile);
  readChecked(vocabularyFile, index.sha256.vocabulary);
  const imageBytes = storedSize * storedSize * 3;
  const open = (split: Split): PreparedSplit => {
    const count = summary.images[split];
    const images = new PreparedImages(join(dir, FILES.images[split]), {
      ...{ count, sha256: index.sha256[split], words: vocabulary.size, classes: classes.length },
    });
    const stored = openPixels(join(dir, FILES.pixels[split]), count, imageBytes, memoryLimit);
    return { split, images, pixels: pixelReader(stored), stored };
  };
  const splits = forEachSplit(open);
  const close = () => {
    for (const split of SPLITS) closePixels(splits[split].stored);
  };
  return { dir, sha256, source, variant, size, storedSize, classes, attributes, vocabulary, splits, close };
}

/** The split whose captions are used for samples during training: `val`, else `test`, else `train`. */
export function sampleSplit({ splits }: Pick<Prepared, "splits">): Split {
  return (["val", "test"] as const).find((split) => splits[split].images.length > 0) ?? "train";
}

/** The index of a prepared folder, and the SHA-256 that identifies the data. */
export function readIndex(dir: string): { index: Index; sha256: string } {
  const file = join(dir, FILES.index);
  const remedy = `Create it with "sdgan prepare … --out ${dir}".`;
  if (!existsSync(file))
    throw new UserError(`${dir}: is not a prepared folder (no ${FILES.index}). ${remedy}`, {
      code: "data.invalid",
    });
  let bytes: Buffer;
  let json: Partial<Index> | null;
  try {
    bytes = readFileSync(file);
    json = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new UserError(`${file}: cannot be read (${(error as Error).message}). ${remedy}`, {
      code: "data.invalid",
    });
  }
  if (json?.format !== FORMAT)
    throw new UserError(`${file}: is not the index of a prepared folder. ${remedy}`, {
      code: "data.invalid",
    });
  if (json.version !== VERSION) {
    throw new UserError(
      `${file}: has version ${json.version}; this program reads version ${VERSION}. Prepare the data again.`,
      { code: "data.invalid" },
    );
  }
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) {
    const found = z.prettifyError(parsed.error).split("\n").slice(0, 2).join(" ").replace(/\s+/g, " ");
    throw new UserError(`${file}: is broken (${found}). ${remedy}`, { code: "data.invalid" });
  }
  return { index: parsed.data, sha256: createHash("sha256").update(bytes).digest("hex") };
}
