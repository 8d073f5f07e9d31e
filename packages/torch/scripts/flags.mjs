/** The compiler's flags that an addon for a given libtorch needs. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

/**
 * No header of CUDA's is needed: what the addon asks of a GPU goes through libtorch's operators and the driver.
 *
 * @param {Libtorch} libtorch
 * @returns {{ compile: string[], link: string[] }}
 */
export function flagsFor(libtorch) {
  // The system's own folder is left out: named explicitly, it would move to the front of the search and
  // break the standard library's headers.
  const includeDirs = libtorch.includeDirs.filter((folder) => folder !== "/usr/include");
  const compile = [
    // What loops need to become vector instructions, and products and sums rounded one by one, so that every processor,
    // and every loop with the same formula, agrees.
    ...["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"],
    `-D_GLIBCXX_USE_CXX11_ABI=${libtorch.cxx11Abi ? 1 : 0}`,
    // libtorch's parallel loops are templates in its headers: without this, those compiled here run on one thread.
    ...(process.platform === "linux" ? ["-fopenmp"] : []),
    ...includeDirs.flatMap((folder) => ["-isystem", folder]),
  ];
  const link = [
    ...(process.platform === "linux" ? ["-fopenmp"] : []),
    `-L${libtorch.libDir}`,
    `-Wl,-rpath,${libtorch.libDir}`,
  ];
  // Nothing in the addon refers to the CUDA libraries, yet loading them is what makes the device known.
  if (process.platform !== "darwin") link.push("-Wl,--no-as-needed");
  link.push("-ltorch", "-ltorch_cpu", "-lc10", ...(libtorch.cuda ? ["-ltorch_cuda", "-lc10_cuda"] : []));
  for (const path of nvrtcOfPython(libtorch)) link.push(path, `-Wl,-rpath,${dirname(path)}`);
  return { compile, link };
}

/**
 * libtorch's main header refuses an older standard by itself; the number in that check is what it needs.
 *
 * @param {Libtorch} libtorch
 * @returns {17 | 20}
 */
export function standardOf(libtorch) {
  const header = readFileSync(join(libtorch.home, "include/ATen/ATen.h"), "utf8");
  return Number(/__cplusplus < (\d+)L/.exec(header)?.[1]) > 201703 ? 20 : 17;
}

/**
 * A libtorch that was replaced in place by another build of the same version needs a new addon.
 *
 * @param {Libtorch} libtorch
 * @returns {[file: string, modified: number][]} its libraries
 */
export function librariesOf({ libDir }) {
  return readdirSync(libDir)
    .filter((file) => /^lib(torch_cpu|c10)\.(so|dylib)$/.test(file))
    .map((file) => [file, statSync(join(libDir, file)).mtimeMs]);
}

/**
 * cuDNN compiles some of its kernels by NVRTC, which it loads by its bare name. With a Python torch that lies in a folder
 * of NVIDIA's packages, where only Python would find it: so the addon brings it into the process.
 *
 * @param {Libtorch} libtorch
 * @returns {string[]} paths of libraries
 */
function nvrtcOfPython({ home, cuda }) {
  const packages = join(home, "../nvidia");
  if (!cuda || !existsSync(packages)) return [];
  const folders = readdirSync(packages).map((name) => join(packages, name, "lib"));
  return folders.filter(existsSync).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^libnvrtc(-builtins)?\.so\.[\d.]+$/.test(name))
      .map((name) => join(folder, name)),
  );
}
