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
 * The snapshot's folder if `path`, which the user gave, is a repository's folder in the cache, or its folder
 * of snapshots; otherwise `path`. Of several snapshots it is the one that `refs/main` names, which `remarks`
 * reports.
 * Throws a `UserError` when there is no snapshot, when `refs/main` names none of several, or when `path` is
 * the whole cache.
 */
export function snapshotOf(path: string, remarks: Remarks): string {
  if (!isFolder(path)) return path;
  const real = realpathSync(path);
  const isSnapshots = basename(real) === SNAPSHOTS && REPOSITORY.test(basename(dirname(real)));
  const place = isSnapshots ? path : join(path, SNAPSHOTS);
  if (!isSnapshots && !(REPOSITORY.test(basename(real)) && isFolder(place))) return refuseCache(path);
  const names = readdirSync(place)
    .filter((name) => isFolder(join(place, name)))
    .sort();
  if (names.length === 1) return join(place, names[0]!);
  const main = names.length > 1 ? mainOf(isSnapshots ? dirname(real) : real) : undefined;
  if (main !== undefined && names.includes(main)) {
    remarks.note(join(place, main), `was read of ${names.length} snapshots, since refs/main names it`);
    return join(place, main);
  }
  const problem =
    names.length === 0
      ? "has no snapshot. Download the repository again."
      : `has ${names.length} snapshots: ${shown(names)}. Give the path of one of them.`;
  throw new UserError(`${place}: ${problem}`, { code: "data.invalid" });
}

function refuseCache(path: string): string {
  const repositories = readdirSync(path).filter(
    (name) => REPOSITORY.test(name) && isFolder(join(path, name, SNAPSHOTS)),
  );
  if (repositories.length === 0) return path;
  throw new UserError(
    `${path}: is Hugging Face's cache. Give the path of a repository in it: ${shown(repositories.sort())}.`,
    { code: "data.invalid" },
  );
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
/** How many names a message has. */
const MAX_SHOWN = 5;

function shown(names: string[]): string {
  const some = names.slice(0, MAX_SHOWN).map((name) => quote(name));
  return [...some, ...(names.length > MAX_SHOWN ? ["…"] : [])].join(", ");
}

function mainOf(repository: string): string | undefined {
  const file = join(repository, "refs", "main");
  const stat = statSync(file, { throwIfNoEntry: false });
  // It has a commit's hash. Anything but a small file is something else.
  return stat?.isFile() && stat.size < 1024 ? readFileSync(file, "utf8").trim() : undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
