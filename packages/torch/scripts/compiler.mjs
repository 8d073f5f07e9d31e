/** Finds a C++ compiler and the flags that an addon for a given libtorch needs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { run, which } from "./command.mjs";
import { Failure } from "./failure.mjs";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */

/**
 * @typedef {object} Compiler
 * @property {string[]} command the program, and arguments that always come first (`CXX="ccache g++"`)
 * @property {"gcc" | "clang"} family
 * @property {string} version such as "12.2.0"
 * @property {number} major 12 of these
 * @property {17 | 20} standard the C++ standard to compile for
 */

/**
 * The oldest compilers whose `__builtin_bit_cast` the addon can use. C++17 is no measure of it: GCC 9 has that, and not
 * this.
 */
const OLDEST = { gcc: 11, clang: 9 };

/**
 * The first of $CXX, c++, g++, clang++ that is there, is not too old for the addon, and understands the C++ standard
 * that the headers of `libtorch` ask for.
 *
 * @param {Libtorch} libtorch
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Compiler>}
 * @throws {Failure} if there is none
 */
export async function findCompiler(libtorch, env = process.env) {
  const standard = standardOf(libtorch);
  const tooOld = [];
  for (const candidate of env.CXX ? [env.CXX] : ["c++", "g++", "clang++"]) {
    const [name = "", ...args] = candidate.trim().split(/\s+/);
    const program = which(name, env);
    if (!program) continue;
    const compiler = await probe([program, ...args], standard, env);
    if (compiler && isNewEnough(compiler)) return compiler;
    tooOld.push(
      compiler ? `${program} (${compiler.family === "gcc" ? "GCC" : "Clang"} ${compiler.version})` : program,
    );
  }
  throw new Failure(describeLack(standard, tooOld, env.CXX));
}

/**
 * Whether the compiler of an earlier build would build the same again. One that is gone since, as in a
 * container without tools, is no reason to doubt what it built.
 *
 * @param {Compiler} compiler
 * @param {NodeJS.ProcessEnv} env
 */
export async function isUnchanged(compiler, env) {
  const [program = ""] = compiler.command;
  if (!which(program, env)) return true;
  return (await probe(compiler.command, compiler.standard, env))?.version === compiler.version;
}

/**
 * No header of CUDA's is needed: what the addon asks of a GPU goes through libtorch's operators and the driver.
 *
 * @param {Libtorch} libtorch
 * @returns {{ compile: string[], link: string[] }}
 */
export function flagsFor(libtorch) {
  // The system's own folder is left out: named explicitly, it would move to the front of the search and
  // break the standard library's headers.
  const includeDirs = [...libtorch.includeDirs, nodeApiHeaders()].filter(
    (folder) => folder && folder !== "/usr/include",
  );
  const compile = [
    // What loops need to become vector instructions, and products and sums rounded one by one, so that every processor,
    // and every loop with the same formula, agrees.
    ...["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"],
    `-std=c++${standardOf(libtorch)}`,
    "-fPIC",
    "-Wall",
    `-D_GLIBCXX_USE_CXX11_ABI=${libtorch.cxx11Abi ? 1 : 0}`,
    "-DNAPI_VERSION=9",
    // libtorch's parallel loops are templates in its headers: without this, those compiled here run on one thread.
    ...(process.platform === "linux" ? ["-fopenmp"] : []),
    ...includeDirs.flatMap((folder) => ["-isystem", String(folder)]),
  ];
  const link = [
    "-shared",
    ...(process.platform === "linux" ? ["-fopenmp"] : []),
    `-L${libtorch.libDir}`,
    `-Wl,-rpath,${libtorch.libDir}`,
  ];
  if (process.platform === "darwin") link.push("-undefined", "dynamic_lookup");
  // Nothing in the addon refers to the CUDA libraries, yet loading them is what makes the device known.
  else link.push("-Wl,--no-as-needed");
  link.push("-ltorch", "-ltorch_cpu", "-lc10", ...(libtorch.cuda ? ["-ltorch_cuda", "-lc10_cuda"] : []));
  for (const path of nvrtcOfPython(libtorch)) link.push(path, `-Wl,-rpath,${dirname(path)}`);
  return { compile, link };
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

/**
 * libtorch's main header refuses an older standard by itself; the number in that check is what it needs.
 *
 * @param {Libtorch} libtorch
 * @returns {17 | 20}
 */
function standardOf(libtorch) {
  const header = readFileSync(join(libtorch.home, "include/ATen/ATen.h"), "utf8");
  return Number(/__cplusplus < (\d+)L/.exec(header)?.[1]) > 201703 ? 20 : 17;
}

/**
 * @param {string[]} command
 * @param {17 | 20} standard
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Compiler | undefined>} undefined if it does not know the standard
 */
async function probe(command, standard, env) {
  const [program = "", ...args] = command;
  const printMacros = [...args, `-std=c++${standard}`, "-x", "c++", "-dM", "-E", "/dev/null"];
  const { code, stdout } = await run(program, printMacros, { env });
  /** @param {string} name */
  const macro = (name) => new RegExp(`^#define ${name} (.*)$`, "m").exec(stdout)?.[1];
  const knows = standard === 20 ? 201709 : 201703;
  if (code !== 0 || Number.parseInt(macro("__cplusplus") ?? "0", 10) < knows) return undefined;
  const version = (macro("__VERSION__") ?? "unknown").replaceAll('"', "");
  // Clang says of itself that it is a GCC 4, too.
  const family = macro("__clang__") ? "clang" : "gcc";
  const major = Number(macro(family === "clang" ? "__clang_major__" : "__GNUC__"));
  return { command, family, version, major, standard };
}

/** @param {Compiler} compiler */
function isNewEnough({ family, major }) {
  return major >= OLDEST[family];
}

/**
 * @param {number} standard
 * @param {string[]} tooOld
 * @param {string | undefined} chosen $CXX
 */
function describeLack(standard, tooOld, chosen) {
  const remedy =
    process.platform === "darwin"
      ? "xcode-select --install"
      : "apt-get install g++ (as root; other systems: gcc-c++ or clang), or set CXX to a compiler";
  if (tooOld.length > 0)
    return (
      `The C++ compiler ${tooOld.join(", ")} is too old: this libtorch needs C++${standard}, and the addon needs ` +
      `GCC ${OLDEST.gcc} or Clang ${standard === 20 ? 14 : OLDEST.clang}, or newer.\n` +
      `  Remedy: ${remedy}, such as CXX=g++-12.`
    );
  const found = chosen
    ? `CXX=${chosen} is no program on the PATH`
    : "c++, g++ and clang++ are not on the PATH";
  return `A C++ compiler is needed to build the libtorch addon; ${found}.\n  Remedy: ${remedy}.`;
}

/** @returns {string} the folder of `node_api.h` */
function nodeApiHeaders() {
  try {
    const found = createRequire(import.meta.url).resolve("node-api-headers/package.json");
    return join(found, "../include");
  } catch {
    throw new Failure("The npm package node-api-headers is not installed.\n  Remedy: npm install.");
  }
}
