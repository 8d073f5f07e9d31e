import { existsSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError, visible } from "@sdgan/core";
import { fetchSource } from "../fetch-source.js";
import type { ModelSource, ReadOptions } from "../model-files.js";
import { isModelName } from "../pipeline.js";
import { boxedModel } from "./box.js";

/** Where a model is: at a URL, in a folder, or in the box if there is no folder of this name here. */
export async function nodeSource(model: string | URL): Promise<ModelSource> {
  const text = String(model);
  if (/^https?:\/\//i.test(text)) return fetchSource(urlOf(text));
  if (/^file:\/\//i.test(text)) return folderSource(fileURLToPath(urlOf(text)));
  if (isModelName(text) && !existsSync(text)) return folderSource(boxedModel(text));
  return folderSource(text);
}

function urlOf(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  throw new UserError(`${visible(text).slice(0, 200)}: not a URL.`, { code: "usage" });
}

/** A model in a folder. Its files may be symbolic links: what is read has the hash of the manifest. */
export function folderSource(folder: string): ModelSource {
  return { where: folder, read: (name, options) => readFileOf(resolve(folder), name, options) };
}

async function readFileOf(
  folder: string,
  name: string,
  { limit, signal, onBytes }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(folder, name);
  signal?.throwIfAborted();
  try {
    // Before opening it: opening a pipe waits for a writer.
    refuseUnlessFile(await stat(path), path, limit);
    await using file = await open(path, "r");
    const { size } = refuseUnlessFile(await file.stat(), path, limit);
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(bytes, length, Math.min(size - length, PART));
      if (bytesRead === 0) break;
      length += bytesRead;
      onBytes?.(bytesRead);
    }
    return bytes.subarray(0, length);
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    signal?.throwIfAborted();
    const { code } = Object(cause) as { code?: string };
    if (code === undefined) throw cause;
    const missing = ["ENOENT", "ENOTDIR", "ERR_INVALID_ARG_VALUE"].includes(code);
    throw new UserError(
      missing
        ? `${visible(path)}: there is no such file. Expected the folder of an exported model, with model.json and the files that it names.`
        : `${visible(path)}: cannot be read (${code}).`,
      { code: missing ? "file.missing" : "file.system", cause },
    );
  }
}

/** Bytes between two checks of the signal. */
const PART = 2 ** 22;

function refuseUnlessFile<Stats extends { isFile(): boolean; size: number }>(
  stats: Stats,
  path: string,
  limit: number,
): Stats {
  if (!stats.isFile())
    throw new UserError(`${visible(path)}: is not a regular file; expected a file of a model.`, {
      code: "file.invalid",
    });
  if (stats.size > limit)
    throw new UserError(
      `${visible(path)}: has ${stats.size} bytes, more than the ${limit} that are expected of it.`,
      {
        code: "file.invalid",
      },
    );
  return stats;
}
