/**
 * The per-user cache, where addons are built and libtorch's archives are unpacked:
 *
 *   $XDG_CACHE_HOME/sdgan    or, if that is not set, ~/.cache/sdgan
 *
 * If that is not writable (no home folder, or a read-only one), a private folder in the system's folder for temporary
 * files is used instead.
 */
import { accessSync, constants, lstatSync, mkdirSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { Failure } from "./failure.mjs";

/** @typedef {{ env?: NodeJS.ProcessEnv, temporary?: string }} Place tests pass their own environment and folder */

/**
 * The folder to write to. It is created if it is missing.
 *
 * @param {Place & { say?: (line: string) => void }} [options] `say` gets a warning if the cache is only temporary
 * @returns {string}
 * @throws {Failure} if there is no folder that only this user can write to
 */
export function cacheFolder({ say, ...place } = {}) {
  const usual = usualFolder(place);
  const problem = usual === undefined ? "this user has no home folder" : whyNotWritable(usual);
  if (usual !== undefined && problem === undefined) return usual;
  const temporary = temporaryFolder(place);
  const hindrance = makePrivate(temporary);
  if (hindrance !== undefined)
    throw new Failure(
      `There is no folder for the files that set-up builds: ${problem}, and ${hindrance}.\n` +
        "  Remedy: set XDG_CACHE_HOME to the full path of a folder that you can write to.",
    );
  say?.(
    `! ${problem}: ${temporary} is used instead, which may be deleted at a restart.\n` +
      "  Remedy: set XDG_CACHE_HOME to the full path of a folder that you can write to.",
  );
  return temporary;
}

/**
 * The folders that may have cached files, in the order of the search.
 *
 * @param {Place} [place]
 * @returns {string[]}
 */
export function cacheFolders(place = {}) {
  const usual = usualFolder(place);
  const temporary = temporaryFolder(place);
  return [...(usual === undefined ? [] : [usual]), ...(whyNotPrivate(temporary) ? [] : [temporary])];
}

/**
 * The XDG specification requires that relative paths are ignored.
 *
 * @param {Place} place
 * @returns {string | undefined}
 */
function usualFolder({ env = process.env }) {
  const { XDG_CACHE_HOME, HOME } = env;
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, "sdgan");
  const home = HOME || homeOfUser();
  return home === undefined ? undefined : join(home, ".cache/sdgan");
}

function homeOfUser() {
  try {
    return homedir() || undefined;
  } catch {
    return undefined; // The system has no entry for this user, as in some containers.
  }
}

/** @param {Place} place */
function temporaryFolder({ temporary = tmpdir() }) {
  return join(temporary, `sdgan-cache-${process.getuid?.() ?? userInfo().username}`);
}

/** @param {string} folder is created if it is missing */
export function isWritable(folder) {
  return whyNotWritable(folder) === undefined;
}

/**
 * @param {string} folder
 * @returns {string | undefined}
 */
function whyNotWritable(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return `${folder} is not writable (${/** @type {NodeJS.ErrnoException} */ (error).code})`;
  }
}

/**
 * @param {string} folder
 * @returns {string | undefined} why not
 */
function makePrivate(folder) {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== "EEXIST") return `${folder} cannot be created (${code})`;
  }
  return whyNotPrivate(folder) ?? whyNotWritable(folder);
}

/**
 * Every user can write to the folder for temporary files, so what is loaded from there must belong to this user.
 *
 * @param {string} folder
 * @returns {string | undefined}
 */
function whyNotPrivate(folder) {
  try {
    const stat = lstatSync(folder);
    if (!stat.isDirectory()) return `${folder} is not a folder`;
    const uid = process.getuid?.();
    if (uid !== undefined && (stat.uid !== uid || (stat.mode & 0o022) !== 0))
      return `${folder} can be written to by other users`;
    return undefined;
  } catch (error) {
    return `${folder} cannot be read (${/** @type {NodeJS.ErrnoException} */ (error).code})`;
  }
}
