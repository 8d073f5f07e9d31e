/**
 * Weights in several files, as Hugging Face's libraries save large models: `model-00001-of-00002.safetensors`, … and
 * `model.safetensors.index.json`, which says in which file each tensor is.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describeImpostor, quote, UserError } from "@sdgan/core";
import { onDisk } from "../util/system-errors.js";

/** A file of an index, and the tensors to read from it. */
export interface Part {
  file: string;
  names: string[];
}

/** Whether this is the name of an index: it ends in `.index.json`. */
export function isShardIndex(path: string): boolean {
  return path.endsWith(".index.json");
}

/** The path of the index that a part of several belongs to, whether it exists or not; undefined for other files. */
export function indexOf(path: string): string | undefined {
  const [, stem, , , ending] = SHARD.exec(basename(path)) ?? [];
  return stem === undefined ? undefined : join(dirname(path), `${stem}.${ending}.index.json`);
}

/**
 * The parts that an index lists, in its order. They are in the index's folder.
 * @throws UserError if the index is broken, or parts are missing
 */
export function partsOf(index: string): Part[] {
  const parts = new Map<string, string[]>();
  for (const [name, file] of Object.entries(weightMap(index))) {
    if (!isPlainName(file))
      throw refused(
        index,
        `lists the file ${quote(String(file))} for ${quote(name)}; expected the name of a file in the same folder`,
      );
    const names = parts.get(file);
    if (names) names.push(name);
    else parts.set(file, [name]);
  }
  if (parts.size === 0) throw refused(index, "lists no tensors: download it again");
  const missing = [...parts.keys()].filter((file) => !existsSync(join(dirname(index), file)));
  if (missing.length > 0)
    throw new UserError(
      `${index}: ${missing.length} of its ${parts.size} files ${missing.length === 1 ? "is" : "are"} missing: ` +
        `put ${listed(missing)} beside it`,
      { code: "file.missing" },
    );
  return Array.from(parts, ([file, names]) => ({ file: join(dirname(index), file), names }));
}

/**
 * Refuses one part of several. A single part is a whole model.
 * @throws UserError that names the index
 */
export function requireWhole(path: string): void {
  const [, , part, count] = SHARD.exec(basename(path)) ?? [];
  const index = indexOf(path);
  if (index === undefined || Number(count) === 1) return;
  const what = `${path}: is part ${Number(part)} of ${Number(count)} of one model`;
  throw existsSync(index)
    ? new UserError(`${what}: give ${index}, which lists all parts`, { code: "usage" })
    : new UserError(
        `${what}, and the index that lists all parts is missing: put ${index} beside them and give it`,
        {
          code: "file.missing",
        },
      );
}

const SHARD = /^(.+)-(\d{5})-of-(\d{5})\.(safetensors|bin|pth|pt)$/;

/** Far larger than a real index. */
const LARGEST_INDEX = 2 ** 25;

function weightMap(index: string): Record<string, unknown> {
  const { size } = onDisk(index, () => statSync(index));
  if (size > LARGEST_INDEX)
    throw refused(
      index,
      `has ${size} bytes; an index has at most ${LARGEST_INDEX}: give the index of the weights`,
    );
  const bytes = onDisk(index, () => readFileSync(index));
  const impostor = describeImpostor(bytes);
  if (impostor !== undefined) throw refused(index, impostor);
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw refused(index, `is not JSON (${(error as Error).message}): download it again`);
  }
  const map = (content as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map === "object" && map !== null && !Array.isArray(map)) return map as Record<string, unknown>;
  throw refused(
    index,
    "has no weight_map, the list of tensors and their files: give the index of the weights",
  );
}

/** A name without folders. */
function isPlainName(name: unknown): name is string {
  return typeof name === "string" && !/[/\\\0]/.test(name) && !["", ".", ".."].includes(name);
}

function listed(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
}

function refused(index: string, what: string): UserError {
  return new UserError(`${index}: ${what}`, { code: "file.invalid" });
}
