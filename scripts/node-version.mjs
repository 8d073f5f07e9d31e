/** Ends the process with one message when Node is too old; imported first by every script. */
import { readFileSync } from "node:fs";

const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const oldest = engines.node.replace(">=", "");

if (isOlder(process.versions.node, oldest)) {
  console.error(
    `✗ Node ${process.versions.node} is too old: ${oldest} or newer is needed.\n` +
      "  Remedy: install a current Node from https://nodejs.org.",
  );
  process.exit(1);
}

/**
 * @param {string} version
 * @param {string} other
 */
function isOlder(version, other) {
  const [major, minor] = version.split(".").map(Number);
  const [otherMajor, otherMinor] = other.split(".").map(Number);
  return major !== otherMajor ? Number(major) < Number(otherMajor) : Number(minor) < Number(otherMinor);
}
