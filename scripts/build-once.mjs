/** What is built from sources by other tools than the compiler: only when the sources have changed since the last time. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// Not from setup.mjs, which imports what is built in this way.
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * @param {object} options
 * @param {readonly string[]} options.sources files and folders; tests do not count
 * @param {string} options.output a file that is built
 * @param {string} options.stamp a file that is kept beside it, with a hash of the sources
 * @param {() => Promise<void>} options.build
 * @returns {Promise<boolean>} whether anything was built
 */
export async function buildOnce({ sources, output, stamp, build }) {
  const hash = hashOf(sources.flatMap(filesOf));
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return false;
  // Vitest sets another value, with which Vite leaves out what is for production, such as the service worker.
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = "production";
  try {
    await build();
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
  return true;
}

/** @param {readonly string[]} paths */
function hashOf(paths) {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(path.slice(ROOT.length)).update("\0").update(readFileSync(path));
  return hash.digest("hex");
}

/**
 * @param {string} path of a file or a folder
 * @returns {string[]} the files, without tests
 */
function filesOf(path) {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.includes(".test."))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
