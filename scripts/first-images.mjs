/**
 * Generates images with the model in the box that `models/first.json` names. It needs neither libtorch nor a compiler:
 * only the npm packages and the compiled TypeScript, which it makes if they are missing.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runInTerminal } from "../packages/addons/lib/command.mjs";
import { Failure } from "../packages/addons/lib/failure.mjs";
import { installPackages } from "./npm-packages.mjs";
import { compileTypeScript, ROOT } from "./setup.mjs";

/**
 * Prints the path of a sheet of the images and the time that each part took.
 *
 * @param {string} out folder of the images
 * @throws {Failure}
 */
export async function firstImages(out) {
  const times = stopwatch();
  await installPackages(ROOT);
  times.note("npm packages");
  const { code, output } = await compileTypeScript();
  if (code !== 0) throw new Failure(`The TypeScript does not compile:\n${output.trim()}`);
  times.note("TypeScript");
  const { model, captions } = JSON.parse(readFileSync(join(ROOT, "models/first.json"), "utf8"));
  const args = ["generate", "--model", model, "--count", "4", "--out", out];
  for (const caption of captions) args.push("--caption", caption);
  console.log(`\n$ npx sdgan ${args.map((arg) => (arg.includes(" ") ? `"${arg}"` : arg)).join(" ")}`);
  if ((await runInTerminal(process.execPath, ["packages/sdgan/bin/sdgan.js", ...args], { cwd: ROOT })) !== 0)
    throw new Failure("sdgan generate failed: see the message above.");
  times.note("images");
  console.log(`✓ first images in ${times.total()}: ${resolve(ROOT, out, "grid.png")}`);
}

/** Seconds of each part and of all. */
function stopwatch() {
  const begin = performance.now();
  let last = begin;
  /** @type {string[]} */
  const parts = [];
  const seconds = (/** @type {number} */ from) => ((performance.now() - from) / 1000).toFixed(1);
  return {
    note(/** @type {string} */ part) {
      parts.push(`${part} ${seconds(last)}`);
      last = performance.now();
    },
    total: () => `${seconds(begin)} s (${parts.join(", ")})`,
  };
}
