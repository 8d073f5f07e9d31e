import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { quote, UserError } from "@sdgan/core";
import type { Remarks } from "./remarks.js";

/**
 * Hugging Face's cache has a folder per repository, in which the files of a snapshot are links:
 *
 *     datasets--me--birds/refs/main                            the name of the newest snapshot
 *     datasets--me--birds/snapshots/abc123/train-0000.tar  →  ../../blobs/4d20…
 *
 * Returns the repository's folder if `real`, a path without links, is in a snapshot.
 */
export function cacheRepository(real: string): string | undefined {
  const parts = real.split(sep);
  for (let i = parts.length - 2; i > 0; i--) {
    if (parts[i] === SNAPSHOTS && REPOSITORY.test(parts[i - 1]!)) return parts.slice(0, i).join(sep);
  }
  return undefined;
}

/**
 * The snapshot's folder if `path` is a repository's folder in the cache, or its folder of snapshots; otherwise
 * `path`. Of several snapshots it is the one that `refs/main` names, which `remarks` reports.
 * Throws a `UserError` when there is no snapshot, or when `refs/main` names none of several.
 */
export function snapshotOf(path: string, remarks?: Remarks): string {
  const real = realpathSync(path);
  const isSnapshots = basename(real) === SNAPSHOTS && REPOSITORY.test(basename(dirname(real)));
  const place = isSnapshots ? path : join(path, SNAPSHOTS);
  if (!isSnapshots && !(REPOSITORY.test(basename(real)) && isFolder(place))) return path;
  const names = readdirSync(place)
    .filter((name) => isFolder(join(place, name)))
    .sort();
  if (names.length === 1) return join(place, names[0]!);
  const main = names.length > 1 ? mainOf(isSnapshots ? dirname(real) : real) : undefined;
  if (main !== undefined && names.includes(main)) {
    remarks?.note(
      join(place, main),
      `refs/main names this snapshot, and it was read; ${names.length} are there`,
    );
    return join(place, main);
  }
  const problem =
    names.length === 0
      ? "has no snapshot. Download the repository again."
      : `has ${names.length} snapshots: ${names.slice(0, MAX_SHOWN).map(quoted).join(", ")}${names.length > MAX_SHOWN ? ", …" : ""}. Give the path of one of them.`;
  throw new UserError(`${place}: ${problem}`, { code: "data.invalid" });
}

/**
 * The file at `path`, which the user gave, with all links resolved; but in the cache the link itself, since
 * its target's name is a hash.
 */
export function givenFile(path: string): string {
  const file = realpathSync(path);
  const folder = realpathSync(dirname(path));
  const repository = cacheRepository(folder);
  return repository !== undefined && file.startsWith(repository + sep) ? join(folder, basename(path)) : file;
}

const SNAPSHOTS = "snapshots";
const REPOSITORY = /^(datasets|models|spaces)--./;
/** How many names of snapshots a message has. */
const MAX_SHOWN = 5;

const quoted = (name: string) => quote(name);

function mainOf(repository: string): string | undefined {
  const file = join(repository, "refs", "main");
  const stat = statSync(file, { throwIfNoEntry: false });
  // It has a commit's hash. Anything but a small file is something else.
  return stat?.isFile() && stat.size < 1024 ? readFileSync(file, "utf8").trim() : undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
