/**
 * Makes a clone ready to use: npm packages, libtorch, the addons, the compiled TypeScript, the page. It does only what is
 * missing or out of date, so other scripts run it first.
 *
 *   npm run setup
 */
import "./node-version.mjs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
// Imported by path: a fresh clone cannot resolve package names yet.
import { run } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { buildPipeline } from "./build-pipeline.mjs";
import { buildStudio } from "./build-studio.mjs";
import { installPackages } from "./npm-packages.mjs";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Everything except compiling the TypeScript, which the tests do as a check. */
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
 * Compiles the TypeScript that changed.
 *
 * @returns {Promise<{ code: number, output: string }>}
 */
export function compileTypeScript() {
  return run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-b"], { cwd: ROOT });
}

/**
 * @returns {(what: string) => void} prints what was done, and the time since the previous line
 */
function stopwatch() {
  let started = performance.now();
  return (what) => {
    const now = performance.now();
    console.log(`✓ ${what} (${((now - started) / 1000).toFixed(1)} s)`);
    started = now;
  };
}

/** The whole set-up. */
export async function setUp() {
  const done = stopwatch();
  await setUpTools();
  const { code, output } = await compileTypeScript();
  if (code !== 0) throw new Failure(`The TypeScript does not compile:\n${output.trim()}`);
  if (await buildPipeline()) done("pipeline for pages built");
  if (await buildStudio()) done("page built");
  done("ready");
}

await runAsProgram(import.meta.url, setUp);
