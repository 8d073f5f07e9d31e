/**
 * Finds libtorch. The order of places:
 *
 *   1. the folder that the environment variable LIBTORCH names; an unusable one is an error
 *   2. `.libtorch/` at the project's root
 *   3. the per-user cache, where set-up unpacks archives: the newest first
 *   4. the system: /usr, /usr/local, /opt/homebrew (with Debian's multiarch folders)
 *   5. the package `torch` of the `python3` on the PATH
 *
 * `node find-libtorch.mjs` prints what is found as JSON.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolders, Failure, isOlder, runAsProgram } from "@sdgan/addons";

/** The oldest libtorch that the addon builds against. */
export const OLDEST_VERSION = "1.13";

/**
 * @typedef {object} Libtorch
 * @property {string} home the folder with `include/` and `lib/`
 * @property {string[]} includeDirs
 * @property {string} libDir
 * @property {string} version such as "1.13.0" or "2.5.1+cpu"
 * @property {boolean} cuda whether it was built with CUDA
 * @property {boolean} cxx11Abi whether its std::string is that of C++11 (`_GLIBCXX_USE_CXX11_ABI`)
 * @property {"LIBTORCH" | "project" | "cache" | "system" | "python"} origin
 */

/**
 * @typedef {object} SearchOptions
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [projectRoot]
 * @property {string[]} [caches]
 * @property {string[]} [systemPrefixes]
 */

export const PROJECT_ROOT = projectOf(fileURLToPath(new URL("..", import.meta.url)));

const SYSTEM_PREFIXES = ["/usr", "/usr/local", "/opt/homebrew"];

/**
 * @param {SearchOptions} [options]
 * @returns {{ libtorch: Libtorch | undefined, rejected: string[] }} the first usable libtorch, and a line about each
 *   unusable one that was found before it
 * @throws {Failure} if LIBTORCH is set and does not name a usable libtorch
 */
export function findLibtorch({
  env = process.env,
  projectRoot = PROJECT_ROOT,
  caches = cacheFolders({ env }),
  systemPrefixes = SYSTEM_PREFIXES,
} = {}) {
  if (env.LIBTORCH) return { libtorch: fromVariable(env.LIBTORCH), rejected: [] };
  const rejected = [];
  for (const { origin, home } of places(env, projectRoot, caches, systemPrefixes)) {
    const { libtorch, problem } = inspect(home, origin);
    if (libtorch) return { libtorch, rejected };
    if (problem) rejected.push(problem);
  }
  return { libtorch: undefined, rejected };
}

/**
 * @param {string} home
 * @param {Libtorch["origin"]} origin
 * @returns {{ libtorch?: Libtorch, problem?: string }} neither, if there is no libtorch
 */
export function inspect(home, origin) {
  const include = join(home, "include");
  const hasHeaders = existsSync(join(include, "ATen/ATen.h")) && existsSync(join(include, "torch"));
  const libDir = libraryFolders(home).find((folder) => existsSync(join(folder, library("torch_cpu"))));
  if (!hasHeaders && !libDir) return {};
  if (!libDir) return { problem: `${home} has libtorch's headers but no ${library("torch_cpu")}` };
  if (!hasHeaders) return { problem: `${libDir} has ${library("torch_cpu")} but ${include} has no headers` };
  if (!existsSync(join(libDir, library("c10"))))
    return { problem: `${libDir} has ${library("torch_cpu")} but no ${library("c10")}` };
  const version = readVersion(home);
  if (!version) return { problem: `${home} has a libtorch of unknown version` };
  if (isOlder(version, OLDEST_VERSION)) return { problem: `${home} has libtorch ${version}` };
  const libtorch = {
    home,
    includeDirs: [include, join(include, "torch/csrc/api/include")],
    libDir,
    version,
    cuda: existsSync(join(libDir, library("torch_cuda"))),
    cxx11Abi: usesCxx11Abi(libDir),
    origin,
  };
  return { libtorch };
}

/**
 * @param {string} folder
 * @returns {Libtorch}
 */
function fromVariable(folder) {
  const home = resolve(folder);
  const { libtorch, problem } = inspect(home, "LIBTORCH");
  if (libtorch) return libtorch;
  const found = problem ?? (existsSync(home) ? `${home} has no libtorch` : `${home} does not exist`);
  throw new Failure(
    `LIBTORCH=${folder} cannot be used: ${found}.\n` +
      `  Expected: a folder with include/ and lib/ of libtorch ${OLDEST_VERSION} or newer.\n` +
      "  Remedy: correct LIBTORCH, or unset it: set-up then searches elsewhere and installs libtorch if necessary.",
  );
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} projectRoot
 * @param {string[]} caches
 * @param {string[]} systemPrefixes
 * @returns {Iterable<{ origin: Libtorch["origin"], home: string }>}
 */
function* places(env, projectRoot, caches, systemPrefixes) {
  yield { origin: "project", home: join(projectRoot, ".libtorch") };
  for (const home of caches.flatMap(unpacked)) yield { origin: "cache", home };
  for (const home of systemPrefixes) yield { origin: "system", home };
  const home = pythonTorch(env);
  if (home) yield { origin: "python", home };
}

/**
 * The project that uses this package: the folder around `node_modules`, or the workspace.
 *
 * @param {string} folder of this package
 */
function projectOf(folder) {
  const [project = "", ...rest] = folder.split(`${sep}node_modules${sep}`);
  return rest.length > 0 ? project : resolve(folder, "../..");
}

/**
 * @param {string} cache
 * @returns {string[]} the folders of unpacked archives, the newest libtorch first
 */
function unpacked(cache) {
  if (!existsSync(cache)) return [];
  return readdirSync(cache)
    .filter((name) => /^libtorch-\d/.test(name))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((name) => join(cache, name));
}

/**
 * The folder of Python's `torch`. It is found without importing it, because an import takes seconds.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
function pythonTorch(env) {
  const question =
    "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
  try {
    const answer = execFileSync("python3", ["-c", question], {
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 20_000,
    });
    return answer.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} home */
function libraryFolders(home) {
  const architecture = process.arch === "arm64" ? "aarch64" : "x86_64";
  return [`lib/${architecture}-linux-gnu`, "lib64", "lib"].map((folder) => join(home, folder));
}

/** @param {string} name */
function library(name) {
  return `lib${name}.${process.platform === "darwin" ? "dylib" : "so"}`;
}

/**
 * The official archive has the file `build-version`, Python's package has `version.py`. All have the header, which was
 * moved in 2.x.
 *
 * @param {string} home
 * @returns {string | undefined}
 */
function readVersion(home) {
  const read = (/** @type {string} */ path) =>
    existsSync(join(home, path)) ? readFileSync(join(home, path), "utf8") : "";
  const stated = read("build-version").trim() || /__version__ = '(.+)'/.exec(read("version.py"))?.[1];
  if (stated) return stated;
  const header =
    read("include/torch/headeronly/version.h") ||
    read("include/torch/csrc/api/include/torch/version.h") ||
    read("include/torch/version.h");
  const numbers = ["MAJOR", "MINOR", "PATCH"].map(
    (part) => new RegExp(`#define TORCH_VERSION_${part} (\\d+)`).exec(header)?.[1],
  );
  return numbers.includes(undefined) ? undefined : numbers.join(".");
}

/**
 * Reads it from the library: with the C++11 ABI, the symbols of c10's functions with a string parameter contain
 * `__cxx11`. Other systems than Linux have only one ABI.
 *
 * @param {string} libDir
 */
function usesCxx11Abi(libDir) {
  if (process.platform !== "linux") return true;
  return /_ZN[K]?3c10\w*__cxx11/.test(readFileSync(join(libDir, library("c10")), "latin1"));
}

await runAsProgram(import.meta.url, async () => {
  console.log(JSON.stringify(findLibtorch(), null, 2));
});
