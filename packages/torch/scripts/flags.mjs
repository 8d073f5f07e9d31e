/** The compiler's flags that an addon for a given libtorch needs. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { hasGloo } from "./gloo.mjs";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

/**
 * CUDA's headers are only needed for process groups on GPUs: otherwise the addon uses a GPU only through libtorch's
 * operators and the driver.
 *
 * @param {Libtorch} libtorch
 * @returns {{ compile: string[], link: string[] }}
 */
export function flagsFor(libtorch) {
  // The system's include folder is left out: named explicitly, it would be searched first, which breaks the standard
  // library's headers.
  const nccl = headersOfNccl(libtorch);
  const includeDirs = libtorch.includeDirs.filter((folder) => folder !== "/usr/include");
  const compile = [
    // Loops need the first to be vectorized. The second rounds every product and sum separately, so that results do not
    // depend on the processor or on the loop.
    ...["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"],
    `-D_GLIBCXX_USE_CXX11_ABI=${libtorch.cxx11Abi ? 1 : 0}`,
    // libtorch's parallel loops are templates in its headers. Without this, the addon's loops would use one thread.
    ...(process.platform === "linux" ? ["-fopenmp"] : []),
    ...(hasGloo(libtorch) ? ["-DADDON_GLOO"] : []),
    ...(nccl ? ["-DADDON_NCCL"] : []),
    ...[...includeDirs, ...(nccl ?? [])].flatMap((folder) => ["-isystem", folder]),
  ];
  const link = [
    ...(process.platform === "linux" ? ["-fopenmp"] : []),
    `-L${libtorch.libDir}`,
    `-Wl,-rpath,${libtorch.libDir}`,
  ];
  // The addon does not refer to the CUDA libraries, but loading them registers the device.
  if (process.platform !== "darwin") link.push("-Wl,--no-as-needed");
  link.push("-ltorch", "-ltorch_cpu", "-lc10", ...(libtorch.cuda ? ["-ltorch_cuda", "-lc10_cuda"] : []));
  for (const path of nvrtcOfPython(libtorch)) link.push(path, `-Wl,-rpath,${dirname(path)}`);
  return { compile, link };
}

/**
 * Where the headers of NCCL and CUDA are, beyond the folders that are searched anyway; undefined if process groups on
 * GPUs cannot be compiled.
 *
 * @param {Libtorch} libtorch
 * @returns {string[] | undefined}
 */
function headersOfNccl(libtorch) {
  if (!libtorch.cuda || !hasGloo(libtorch)) return undefined;
  const python = join(libtorch.home, "../nvidia");
  const places = ["nccl", "cuda_runtime"].map((name) => join(python, name, "include"));
  places.push("/usr/include", "/usr/local/cuda/include");
  const found = ["nccl.h", "cuda_runtime_api.h"].map((header) =>
    places.find((folder) => existsSync(join(folder, header))),
  );
  if (found.includes(undefined)) return undefined;
  return /** @type {string[]} */ ([...new Set(found)]).filter((folder) => folder !== "/usr/include");
}

/**
 * libtorch's main header refuses older standards; the number in that check is the required one.
 *
 * @param {Libtorch} libtorch
 * @returns {17 | 20}
 */
export function standardOf(libtorch) {
  const header = readFileSync(join(libtorch.home, "include/ATen/ATen.h"), "utf8");
  return Number(/__cplusplus < (\d+)L/.exec(header)?.[1]) > 201703 ? 20 : 17;
}

/**
 * A libtorch that was replaced by another build of the same version needs a new addon.
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
 * cuDNN compiles some of its kernels with NVRTC, which it loads by its bare name. With a Python torch, NVRTC is in a
 * folder of NVIDIA's packages, which only Python searches. So the addon loads it.
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
