/**
 * libtorch's process groups communicate by gloo. Their headers include gloo's, which Debian has in a package of its own.
 * Without them the addon is built without process groups.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { aptInstall, THIS_PROCESS } from "@sdgan/addons";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

export const GLOO = "libgloo-dev";

/**
 * Whether process groups can be compiled. Headers elsewhere than beside libtorch's may be of another gloo.
 *
 * @param {Libtorch} libtorch
 */
export function hasGloo(libtorch) {
  return (
    usesGloo(libtorch) && ["gloo/context.h", "gloo/rendezvous/store.h"].every((path) => has(libtorch, path))
  );
}

/**
 * @param {Libtorch} libtorch
 * @param {{ caller?: import("@sdgan/addons").Caller, say: (line: string) => void }} options
 * @returns {Promise<void>} never fails: without gloo's headers everything else works
 */
export async function ensureGloo(libtorch, { caller = THIS_PROCESS, say }) {
  if (libtorch.origin !== "system" || !usesGloo(libtorch) || hasGloo(libtorch)) return;
  const announce = () => say(`  installing ${GLOO} with apt-get …`);
  const hindrance = await aptInstall([GLOO], { caller, announce });
  if (hasGloo(libtorch)) return;
  say(
    `! without process groups, for training in several processes: gloo's headers are missing${hindrance ? ` (${hindrance})` : ""}.\n` +
      `  Remedy: apt-get install -y ${GLOO} (as root), then the same command.`,
  );
}

/** @param {Libtorch} libtorch */
function usesGloo(libtorch) {
  return has(libtorch, "torch/csrc/distributed/c10d/ProcessGroupGloo.hpp");
}

/**
 * @param {Libtorch} libtorch
 * @param {string} header
 */
function has({ home }, header) {
  return existsSync(join(home, "include", header));
}
