/**
 * Debian's libtorch multiplies matrices with the system's BLAS. The default, the reference BLAS, is many times slower
 * than OpenBLAS. The OpenMP build of OpenBLAS shares libtorch's threads.
 */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { aptInstall, THIS_PROCESS } from "@sdgan/addons";

export const FAST_BLAS = "libopenblas0-openmp";

/**
 * @param {import("./find-libtorch.mjs").Libtorch} libtorch
 * @returns {boolean} whether it uses the reference BLAS
 */
export function usesReferenceBlas(libtorch) {
  const blas = join(libtorch.libDir, "libblas.so.3");
  return libtorch.origin === "system" && existsSync(blas) && /\/blas\/libblas\.so/.test(realpathSync(blas));
}

/**
 * @param {import("./find-libtorch.mjs").Libtorch} libtorch
 * @param {{ caller?: import("@sdgan/addons").Caller, say: (line: string) => void }} options
 * @returns {Promise<void>} never fails: a slow BLAS only causes a warning
 */
export async function ensureFastBlas(libtorch, { caller = THIS_PROCESS, say }) {
  if (!usesReferenceBlas(libtorch)) return;
  const announce = () => say(`  installing ${FAST_BLAS} with apt-get …`);
  const hindrance = await aptInstall([FAST_BLAS], { caller, announce });
  if (!usesReferenceBlas(libtorch)) return;
  say(
    `! libtorch runs on the slow reference BLAS${hindrance ? ` (${hindrance})` : ""}.\n` +
      (hindrance
        ? `  Remedy: apt-get install -y ${FAST_BLAS} (as root).`
        : "  Remedy: choose OpenBLAS in update-alternatives --get-selections | grep blas (as root)."),
  );
}
