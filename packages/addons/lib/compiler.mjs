/** Finds a C++ compiler. */
import { run, which } from "./command.mjs";
import { Failure } from "./failure.mjs";

/**
 * @typedef {object} Compiler
 * @property {string[]} command the program, and arguments that always come first (`CXX="ccache g++"`)
 * @property {"gcc" | "clang"} family
 * @property {string} version such as "12.2.0"
 * @property {number} major 12 of these
 * @property {17 | 20} standard the C++ standard to compile for
 */

/**
 * The oldest compilers with `__builtin_bit_cast`. C++17 does not imply it: GCC 9 has C++17 without it.
 */
const OLDEST = { gcc: 11, clang: 9 };

/**
 * The first of $CXX, c++, g++, clang++ that is installed, is not too old, and supports the C++ standard.
 *
 * @param {17 | 20} standard
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<Compiler>}
 * @throws {Failure} if there is none
 */
export async function findCompiler(standard, env = process.env) {
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
 * Whether the compiler of an earlier build is unchanged. A compiler that was removed, as in a container without tools,
 * counts as unchanged.
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
 * @param {string[]} command
 * @param {17 | 20} standard
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Compiler | undefined>} undefined if it does not support the standard
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
  // Clang also defines the macros of GCC 4.
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
    ? `CXX=${chosen} is not a program on the PATH`
    : "c++, g++ and clang++ are not on the PATH";
  return `A C++ compiler is needed to build the addon; ${found}.\n  Remedy: ${remedy}.`;
}
