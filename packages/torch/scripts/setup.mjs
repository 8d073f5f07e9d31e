/**
 * Makes this package ready to use: finds libtorch or installs it, and builds the addon.
 *
 *   node setup.mjs [--archive URL|FILE]
 *
 * With `--archive` that archive of libtorch is unpacked into the per-user cache, for machines that reach no server of
 * PyTorch's. LIBTORCH_SHA256 is the checksum that it must have.
 */
import { parseArgs } from "node:util";
import { runAsProgram } from "@sdgan/addons";
import { buildTorch } from "./build.mjs";
import { ensureLibtorch, installFrom } from "./install-libtorch.mjs";

export { builtWith } from "./build.mjs";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

/**
 * @param {{ archive?: string | undefined, say?: (line: string) => void }} [options] `archive`: a URL or the path of a
 *   file, to be unpacked into the cache whatever is there
 * @returns {Promise<{ libtorch: Libtorch, installed: boolean, addon: string, compiled: number }>} `installed` tells
 *   whether libtorch was missing; `compiled` is the number of files, -1 if the addon was up to date
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
