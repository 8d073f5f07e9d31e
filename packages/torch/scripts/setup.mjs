/**
 * Makes this package ready to use: finds libtorch or installs it, and builds the addon.
 *
 *   node setup.mjs [--archive URL|FILE]
 *
 * `--archive` unpacks a given archive of libtorch into the per-user cache, for machines that cannot reach PyTorch's
 * servers. LIBTORCH_SHA256 is its expected checksum.
 */
import { parseArgs } from "node:util";
import { runAsProgram } from "@sdgan/addons";
import { buildTorch } from "./build.mjs";
import { ensureLibtorch, installFrom } from "./install-libtorch.mjs";

export { builtWith } from "./build.mjs";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

/**
 * @param {{ archive?: string | undefined, say?: (line: string) => void }} [options] `archive`: a URL or the path of a
 *   file, which is unpacked into the cache even if there is already a libtorch
 * @returns {Promise<{ libtorch: Libtorch, installed: boolean, addon: string, compiled: number }>} `installed`: whether
 *   libtorch was missing; `compiled`: the number of compiled files, -1 if the addon was up to date
 */
export async function setUpTorch({ archive, say = console.log } = {}) {
  const unpacked = archive ? await installFrom(archive, { say }) : undefined;
  const { libtorch, installed } = await ensureLibtorch({ say });
  const { path, compiled } = await buildTorch(libtorch, { say });
  return { libtorch, installed: installed || libtorch.home === unpacked?.home, addon: path, compiled };
}

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { archive: { type: "string" } } });
  const { libtorch, addon } = await setUpTorch(values);
  console.log(`✓ libtorch ${libtorch.version} in ${libtorch.home} (${libtorch.origin}), addon ${addon}`);
});
