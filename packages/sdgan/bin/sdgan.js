#!/usr/bin/env node
// Old versions of Node run this file to print one line: no syntax newer than Node 16, nothing of ours imported statically.
import { existsSync } from "node:fs";

const main = new URL("../dist/commands/main.js", import.meta.url);
const problem = await problemOfNode();
if (problem !== undefined) {
  console.error(`sdgan: ${problem}`);
  process.exitCode = 1;
} else if (existsSync(main)) {
  await import(main.href);
} else {
  console.error(
    "sdgan is not built yet. Run: npm run build, or npm run setup, which also builds what training needs",
  );
  process.exitCode = 1;
}

/** Why this Node cannot run sdgan; undefined if it can, or if the packages are not installed yet. */
async function problemOfNode() {
  let check;
  try {
    check = await import("@sdgan/addons/node-version");
  } catch {
    return undefined;
  }
  return check.unsupportedNode();
}
