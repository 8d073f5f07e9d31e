/**
 * Makes a clone ready to use, and keeps it ready: npm packages, libtorch, the addons, the compiled
 * TypeScript. Only what is missing or out of date is done, so it is run before everything else.
 *
 *   npm run setup
 */
import "./node-version.mjs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
// By their paths: in a fresh clone no package can be found by its name yet.
import { run } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { installPackages } from "./npm-packages.mjs";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Everything but the compiled TypeScript, which the tests compile themselves, as a check. */
export async function setUpTools() {
  const done = stopwatch();
  if (await installPackages(ROOT)) done("npm packages installed");
  const { setUpTorch } = await import("@sdgan/torch/setup");
  const { setUpImages } = await import("@sdgan/images/setup");
  const { libtorch, installed, compiled } = await setUpTorch();
  if (installed) done(`libtorch ${libtorch.version} installed`);
  if (compiled >= 0) done("libtorch addon built");
  if ((await setUpImages()).compiled >= 0) done("addon for images built");
}

/**
 * Compiles what changed.
 *
 * @returns {Promise<{ code: number, output: string }>}
 */
export function compileTypeScript() {
  return run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-b"], { cwd: ROOT });
}

/**
 * @returns {(what: string) => void} prints what was done, and the time since the line before
 */
function stopwatch() {
  let started = performance.now();
  return (what) => {
    const now = performance.now();
    console.log(`✓ ${what} (${((now - started) / 1000).toFixed(1)} s)`);
    started = now;
  };
}

/** All of it. */
export async function setUp() {
  const done = stopwatch();
  await setUpTools();
  const { code, output } = await compileTypeScript();
  if (code !== 0) throw new Failure(`The TypeScript does not compile:\n${output.trim()}`);
  done("ready");
}

await runAsProgram(import.meta.url, setUp);
