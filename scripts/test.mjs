/**
 * Runs set-up, then all checks: types, lint and format, the page's build, and the tests. The last printed line is the
 * count, `N passed, N failed`. The types count as one test, lint and format as another, the build as a third.
 *
 *   npm test                      everything
 *   npm test -- scbn tensor       only test files whose names match (arguments go to Vitest)
 */
import "./node-version.mjs";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run, runInTerminal } from "../packages/addons/lib/command.mjs";
import { describe, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { buildPipeline } from "./build-pipeline.mjs";
import { buildStudio } from "./build-studio.mjs";
import { installChromium } from "./chromium.mjs";
import { compileTypeScript, ROOT, setUpTools } from "./setup.mjs";

/** @typedef {{ passed: number, failed: number }} Count */

await runAsProgram(import.meta.url, async () => {
  const counts = await checkEverything(process.argv.slice(2));
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  process.exitCode = failed > 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed`);
});

/**
 * @param {string[]} vitestArgs
 * @returns {Promise<Count[]>}
 */
async function checkEverything(vitestArgs) {
  const setUp = await check("set-up", () => succeeding(setUpTools));
  if (setUp.failed > 0) return [setUp];
  const types = await check("types", compileTypeScript);
  const style = await check("lint and format", () =>
    run(process.execPath, [join(ROOT, "node_modules/@biomejs/biome/bin/biome"), "check", "."], { cwd: ROOT }),
  );
  // Once, before test files that need them run beside each other.
  const page = await check("page", () =>
    succeeding(async () => {
      await buildPipeline();
      await buildStudio();
    }),
  );
  const hindrance = await installChromium(console.log);
  if (hindrance)
    console.log(`- pages and packages/core are not tested in a browser: there is no Chromium (${hindrance})`);
  return [types, style, page, await runVitest(vitestArgs)];
}

/**
 * Work that throws where it fails, as a check.
 *
 * @param {() => Promise<unknown>} work
 */
async function succeeding(work) {
  try {
    await work();
    return { code: 0, output: "" };
  } catch (error) {
    return { code: 1, output: describe(error) };
  }
}

/**
 * Runs one check and prints its result, with its output if it failed.
 *
 * @param {string} name
 * @param {() => Promise<{ code: number, output: string }>} work
 * @returns {Promise<Count>}
 */
async function check(name, work) {
  const { code, output } = await work();
  console.log(code === 0 ? `✓ ${name}` : `✗ ${name}\n${output.trim()}`);
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/**
 * @param {string[]} args
 * @returns {Promise<Count>}
 */
async function runVitest(args) {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-test-"));
  const report = join(folder, "report.json");
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  try {
    const code = await runInTerminal(process.execPath, [vitest, "run", ...reporters, ...args], { cwd: ROOT });
    const count = existsSync(report) ? readReport(report) : { passed: 0, failed: 0 };
    // No test found, or an error outside all tests.
    if (code !== 0 && count.failed === 0) count.failed = 1;
    return count;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * A file that fails before its first test counts as one failed test.
 *
 * @param {string} path
 * @returns {Count}
 */
function readReport(path) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(path, "utf8"));
  const brokenFiles = testResults.filter(
    (/** @type {{ status: string, assertionResults: { status: string }[] }} */ file) =>
      file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles.length };
}
