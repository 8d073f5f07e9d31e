/** Ends the process with one message on a Node that sdgan does not run on; imported first by every script. */
// Imported by path: a fresh clone cannot resolve package names yet.
import { unsupportedNode } from "../packages/addons/lib/node-version.mjs";

const problem = unsupportedNode();
if (problem !== undefined) {
  console.error(`✗ ${problem}`);
  process.exit(1);
}
