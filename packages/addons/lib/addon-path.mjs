/**
 * Finds the addon of a package. Set-up writes a small record into the cache, keyed by the path of the package's folder,
 * so finding an addon means reading two small files. The package itself may be read-only or shared by projects.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolders } from "./cache.mjs";
import { Failure } from "./failure.mjs";

export { Failure };

/**
 * @typedef {object} AddonRecord
 * @property {string} folder of the package
 * @property {string} version of the package
 * @property {string} addon the path of the addon
 */

/**
 * The path of the addon that set-up built for the current version of the package in `folder`.
 *
 * @param {string | URL} folder
 * @param {import("./cache.mjs").Place} [place]
 * @returns {string}
 * @throws {Failure} if set-up has not built it; the message names the command to run
 */
export function addonPath(folder, place) {
  const { name, version } = readPackage(folder);
  const record = readRecord(folder, place);
  const run = `Run: ${setupCommand(folder)}`;
  if (!record) throw new Failure(`${name} has no addon for ${realPath(folder)} yet. ${run}`);
  if (record.version !== version)
    throw new Failure(`${name} has version ${version}, but its addon has version ${record.version}. ${run}`);
  if (!existsSync(record.addon))
    throw new Failure(`The addon of ${name} no longer exists: ${record.addon}. ${run}`);
  return record.addon;
}

/**
 * The facts that set-up wrote beside the addon about how it was built; undefined if there is no addon.
 *
 * @param {string | URL} folder
 * @param {import("./cache.mjs").Place} [place]
 * @returns {Record<string, unknown> & { addon: string } | undefined}
 */
export function addonFacts(folder, place) {
  try {
    const addon = addonPath(folder, place);
    return { ...JSON.parse(readFileSync(factsPath(addon), "utf8")), addon };
  } catch {
    return undefined;
  }
}

/** @param {string} addon */
export function factsPath(addon) {
  return addon.replace(/\.node$/, ".json");
}

/**
 * The command that builds addons, for messages. It differs for installed packages, which are in a `node_modules`, and
 * for those of the workspace.
 *
 * @param {string | URL} folder of the package
 */
export function setupCommand(folder) {
  return isInstalled(folder) ? "npx sdgan setup" : "npm run setup";
}

/** @param {string | URL} folder */
export function isInstalled(folder) {
  return realPath(folder).split(sep).includes("node_modules");
}

/**
 * @param {string | URL} folder
 * @returns {{ name: string, version: string }}
 */
export function readPackage(folder) {
  return JSON.parse(readFileSync(join(realPath(folder), "package.json"), "utf8"));
}

/**
 * Records the path of the package's addon. An up-to-date record is not rewritten.
 *
 * @param {string | URL} folder
 * @param {string} addon
 * @param {string} cache
 */
export function writeRecord(folder, addon, cache) {
  const { version } = readPackage(folder);
  const path = recordPath(realPath(folder), cache);
  const text = `${JSON.stringify({ folder: realPath(folder), version, addon }, null, 2)}\n`;
  if (existsSync(path) && readFileSync(path, "utf8") === text) return;
  mkdirSync(join(cache, "packages"), { recursive: true });
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, text);
  renameSync(fresh, path);
}

/**
 * @param {string | URL} folder
 * @param {import("./cache.mjs").Place} [place]
 * @returns {AddonRecord | undefined}
 */
function readRecord(folder, place) {
  const real = realPath(folder);
  for (const cache of cacheFolders(place)) {
    try {
      return JSON.parse(readFileSync(recordPath(real, cache), "utf8"));
    } catch {
      // Missing or not readable: try the next folder.
    }
  }
  return undefined;
}

/**
 * @param {string} folder
 * @param {string} cache
 */
function recordPath(folder, cache) {
  const key = createHash("sha256").update(folder).digest("hex").slice(0, 16);
  return join(cache, "packages", `${key}.json`);
}

/** @param {string | URL} folder */
function realPath(folder) {
  return realpathSync(folder instanceof URL ? fileURLToPath(folder) : folder);
}
