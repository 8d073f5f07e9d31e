/** Removes unused files from the cache. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** Files unused for this time are removed; they can be built again. */
const UNUSED_MS = 30 * 24 * 3600 * 1000;

/**
 * Removes records of deleted packages, then folders whose names start with `prefix`, and objects in them, that were not
 * used for thirty days. Addons that a record names are kept.
 *
 * @param {string} cache
 * @param {string} prefix
 * @param {number} [now] milliseconds
 */
export function prune(cache, prefix, now = Date.now()) {
  const used = usedFolders(join(cache, "packages"));
  const isOld = (/** @type {string} */ path) => now - statSync(path).mtimeMs > UNUSED_MS;
  for (const name of list(cache)) {
    const folder = join(cache, name);
    if (!name.startsWith(prefix) || used.has(folder) || !statSync(folder).isDirectory()) continue;
    if (isOld(folder)) rmSync(folder, { recursive: true, force: true });
    else
      for (const file of list(folder))
        if (file.endsWith(".o") && isOld(join(folder, file))) rmSync(join(folder, file), { force: true });
  }
}

/**
 * @param {string} records
 * @returns {Set<string>} the folders of addons that packages use
 */
function usedFolders(records) {
  const used = new Set();
  for (const name of list(records)) {
    const path = join(records, name);
    try {
      const { folder, addon } = JSON.parse(readFileSync(path, "utf8"));
      if (existsSync(join(folder, "package.json"))) used.add(dirname(addon));
      else rmSync(path, { force: true });
    } catch {
      // Another process is replacing or removing it.
    }
  }
  return used;
}

/** @param {string} folder */
function list(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}
