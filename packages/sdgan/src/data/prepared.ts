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
  /** SHA-256 of `index.json`, which names the data wherever it lies. */
  sha256: string;
  /** Name of the source that it was made of. */
  source: string;
  /** Side of the images that a model of this data draws. */
  size: number;
  /** Side of the stored images: at least `size`. */
  storedSize: number;
  classes: string[];
  /** Attribute name → its possible values, where the truth is known. */
  attributes: Record<string, string[]> | undefined;
  vocabulary: Vocabulary;
  splits: Record<Split, PreparedSplit>;
  /** Closes the files; pixels cannot be read after that. */
  close(): void;
}

export interface PreparedSplit {
  split: Split;
  images: PreparedImages;
  /** Image `index` as [storedSize, storedSize, 3] bytes of sRGB: valid until the next call, not to be written to. */
  pixels(index: number): Uint8Array;
  /** The same for other threads. */
  stored: StoredPixels;
}

/**
 * Opens what `prepare` made. Pixels of a split stay in memory where they are fewer than `memoryLimit` bytes, and
 * are read from the file when asked for otherwise. The words and the lists of images are checked by their
 * checksums, pixels only by their number: `verifyPrepared` checks them too.
 * Throws a `UserError` that names the file when something is missing, broken, of another version or cut short.
 */
export function openPrepared(dir: string, { memoryLimit = 2 ** 30 } = {}): Prepared {
  const { index, sha256 } = readIndex(dir);
  const { summary, source, size, storedSize, classes, attributes } = index;
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
  return { dir, sha256, source, size, storedSize, classes, attributes, vocabulary, splits, close };
}

/** The split that samples are generated of while a model trains: captions that it does not see, where there are any. */
export function sampleSplit({ splits }: Pick<Prepared, "splits">): Split {
  return (["val", "test"] as const).find((split) => splits[split].images.length > 0) ?? "train";
}

function readIndex(dir: string): { index: Index; sha256: string } {
  const file = join(dir, FILES.index);
  const remedy = `Make it with "sdgan prepare … --out ${dir}".`;
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
      `${file}: has version ${json.version}, and this program reads ${VERSION}. Prepare the data again.`,
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
