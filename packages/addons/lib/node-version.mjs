/**
 * The versions of Node that sdgan runs on: `engines.node` of this package, which a test keeps equal in all packages.
 * `zlib.crc32` came with Node 20.15 and 22.2 and is in no 21; some dependencies need 20.19.
 *
 * Old versions of Node run this file to print one line, so it uses no syntax newer than Node 16 and imports only `node:fs`.
 */
import { readFileSync } from "node:fs";

/** npm's notation, `^` and `>=` only: "^20.19.0 || >=22.2.0". */
export const SUPPORTED = String(
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).engines.node,
);

/**
 * One line that says what is wrong with a version of Node and what to do; undefined if sdgan runs on it.
 *
 * @param {string} [version] such as "20.19.0"
 * @returns {string | undefined}
 */
export function unsupportedNode(version = process.versions.node) {
  if (SUPPORTED.split("||").some((range) => isIn(version, range.trim()))) return undefined;
  return `Node ${version} cannot run sdgan, which needs ${describe(SUPPORTED)}. Install a current Node from https://nodejs.org.`;
}

/**
 * @param {string} version
 * @param {string} range such as ">=22.2.0" or "^20.19.0"
 */
function isIn(version, range) {
  const [major, minor, patch] = numbers(version);
  const [fromMajor, fromMinor, fromPatch] = numbers(range);
  if (major !== fromMajor) return range.startsWith(">=") && major > fromMajor;
  return minor !== fromMinor ? minor > fromMinor : patch >= fromPatch;
}

/**
 * "Node 20.19 or a later 20, or Node 22.2 or later".
 *
 * @param {string} ranges
 */
function describe(ranges) {
  return ranges
    .split("||")
    .map((range) => {
      const [major, minor] = numbers(range);
      return `Node ${major}.${minor} or ${range.includes(">=") ? "later" : `a later ${major}`}`;
    })
    .join(", or ");
}

/**
 * The three numbers of a version.
 *
 * @param {string} text
 * @returns {[number, number, number]}
 */
function numbers(text) {
  const [major = 0, minor = 0, patch = 0] = (text.match(/\d+/g) || []).map(Number);
  return [major, minor, patch];
}
