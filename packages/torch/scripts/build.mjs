/**
 * Builds the addon: `native/*.cc` into `torch.node` in the per-user cache, against a given libtorch.
 *
 *   node build.mjs
 *
 * builds it against the libtorch that is found. It does not install libtorch.
 */
import { addonFacts, buildAddon, Failure, runAsProgram, setupCommand } from "@sdgan/addons";
import { findLibtorch, OLDEST_VERSION } from "./find-libtorch.mjs";
import { flagsFor, librariesOf, standardOf } from "./flags.mjs";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

const PACKAGE = new URL("..", import.meta.url);

/**
 * @param {Libtorch} libtorch
 * @param {import("@sdgan/addons").BuildOptions & { sourceDir?: string, folder?: string | URL }} [options]
 * @returns {Promise<{ path: string, compiled: number }>} the path of the addon, and how many files had to
 *   be compiled; -1 if the addon was up to date
 */
export function buildTorch(libtorch, { sourceDir, folder = PACKAGE, ...options } = {}) {
  const { version, libDir } = libtorch;
  return buildAddon(
    {
      name: "torch",
      folder,
      ...(sourceDir ? { sourceDir } : {}),
      flags: flagsFor(libtorch),
      standard: standardOf(libtorch),
      // Parsing libtorch's headers takes 8 of the 9 seconds per file.
      commonHeader: "common.h",
      dependsOn: [version, libDir, librariesOf(libtorch)],
      facts: libtorch,
    },
    options,
  );
}

/**
 * The libtorch that set-up built the addon against; undefined if there is no addon.
 *
 * @returns {Libtorch & { addon: string } | undefined}
 */
export function builtWith() {
  return /** @type {any} */ (addonFacts(PACKAGE));
}

await runAsProgram(import.meta.url, async () => {
  const { libtorch, rejected } = findLibtorch();
  if (!libtorch) {
    const found = rejected.map((line) => `\n  Found: ${line}.`).join("");
    throw new Failure(
      `libtorch ${OLDEST_VERSION} or newer is needed to build its addon.${found}\n` +
        `  Remedy: ${setupCommand(PACKAGE)}.`,
    );
  }
  const started = performance.now();
  const { path, compiled } = await buildTorch(libtorch, { say: console.log });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const done = compiled < 0 ? "is up to date" : `built, ${compiled} files compiled`;
  console.log(`✓ ${path} ${done} (libtorch ${libtorch.version}, ${seconds} s)`);
});
