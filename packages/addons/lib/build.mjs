/**
 * Builds the addon of a package: compiles every `.cc` of its `native/` into `NAME.node`, by calling the C++ compiler
 * directly. All files are in the per-user cache:
 *
 *   NAME-VERSION-STAMP/            the addon, `NAME.json` (how it was built) and `build.log` (the commands, and the
 *                                  compiler's output)
 *   NAME-objects-CONTEXT/          the objects, named by hashes of their inputs
 *   packages/                      which package uses which addon (`addon-path.mjs`)
 *
 * STAMP is a hash of sources, flags and libraries, but not of the package's path: copies of a package share an addon, and
 * two versions never mix. If the addon is up to date, the call takes milliseconds; otherwise only changed files are
 * compiled. A failed build keeps the earlier addon.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import { basename, dirname, join } from "node:path";
import { factsPath, isInstalled, writeRecord } from "./addon-path.mjs";
import { cacheFolder, cacheFolders, isWritable } from "./cache.mjs";
import { run } from "./command.mjs";
import { findCompiler, isUnchanged } from "./compiler.mjs";
import { Failure } from "./failure.mjs";
import { hash, readInputs } from "./inputs.mjs";
import { withLock } from "./lock.mjs";
import { prune } from "./prune.mjs";

/** @typedef {import("./compiler.mjs").Compiler} Compiler */
/** @typedef {import("./inputs.mjs").Inputs} Inputs */

/**
 * The description of an addon to build.
 *
 * @typedef {object} Addon
 * @property {string} name of its file, without `.node`
 * @property {string | URL} folder of the package
 * @property {string} [sourceDir] by default `native/` of the package
 * @property {{ compile: string[], link: string[] }} flags in addition to the common ones; they must not name folders of
 *   the package
 * @property {17 | 20} standard of C++
 * @property {string} [commonHeader] a header that most sources include and that is slow to parse
 * @property {unknown} [dependsOn] other inputs of the addon, such as the version of a library
 * @property {object} [facts] written to `NAME.json`
 */

/**
 * @typedef {object} Options
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [cache] instead of the user's
 * @property {(line: string) => void} [say]
 */

/**
 * @typedef {object} Build
 * @property {Addon} addon
 * @property {Inputs} inputs
 * @property {Compiler} compiler
 * @property {NodeJS.ProcessEnv} env
 * @property {string} cache
 * @property {string} target the folder of the addon
 * @property {string} workDir the folder of the objects
 */

const LOG = "build.log";

/** Below this number of files to compile, precompiling the header costs more than it saves. */
const WORTH_PRECOMPILING = 3;

/** Largest memory of one compiler process with a large library's headers (measured with libtorch: 775 MB). */
const BYTES_PER_JOB = 0.8e9;

/**
 * @param {Addon} addon
 * @param {Options} [options]
 * @returns {Promise<{ path: string, compiled: number }>} the path of the addon, and how many files had to be
 *   compiled; -1 if the addon was up to date
 * @throws {Failure}
 */
export async function buildAddon(addon, { env = process.env, cache, say } = {}) {
  const inputs = readInputs(addon, env);
  const find = async (/** @type {string[]} */ caches) => {
    for (const folder of caches) {
      const path = pathIn(folder, inputs);
      if (await isUpToDate(path, env)) return { folder, path };
    }
    return undefined;
  };
  const found = await find(cache ? [cache] : cacheFolders({ env }));
  if (found) {
    touch(objectsFolder(found.folder, inputs));
    use(addon, found.path, isWritable(found.folder) ? found.folder : cacheFolder({ env }));
    return { path: found.path, compiled: -1 };
  }
  const into = cache ?? cacheFolder({ env, ...(say ? { say } : {}) });
  return withLock(join(into, `${addon.name}.lock`), async () => {
    const path = pathIn(into, inputs);
    // Another process may have built it meanwhile.
    const compiled = (await isUpToDate(path, env)) ? -1 : await build(addon, inputs, into, env);
    use(addon, path, into);
    return { path, compiled };
  });
}

/**
 * @param {string} cache
 * @param {Inputs} inputs
 */
function pathIn(cache, { label, stamp, name }) {
  return join(cache, `${label}-${stamp}`, `${name}.node`);
}

/**
 * @param {string} cache
 * @param {Inputs} inputs
 */
function objectsFolder(cache, { name, context }) {
  return join(cache, `${name}-objects-${context}`);
}

/**
 * @param {string} path of the addon
 * @param {NodeJS.ProcessEnv} env
 */
async function isUpToDate(path, env) {
  if (!existsSync(path) || !existsSync(factsPath(path))) return false;
  return isUnchanged(JSON.parse(readFileSync(factsPath(path), "utf8")).compiler, env);
}

/**
 * @param {Addon} addon
 * @param {string} path
 * @param {string} cache
 */
function use({ folder }, path, cache) {
  touch(dirname(path));
  writeRecord(folder, path, cache);
}

/**
 * Marks a file as used, so that `prune` keeps it.
 *
 * @param {string} path
 */
function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // The cache is read-only or belongs to another user.
  }
}

/**
 * @param {Addon} addon
 * @param {Inputs} inputs
 * @param {string} cache
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} how many files were compiled
 */
async function build(addon, inputs, cache, env) {
  const compiler = await findCompiler(addon.standard, env);
  const path = pathIn(cache, inputs);
  const workDir = objectsFolder(cache, inputs);
  const target = dirname(path);
  /** @type {Build} */
  const job = { addon, inputs, compiler, env, cache, target, workDir };
  for (const folder of [target, workDir]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(target, LOG), "");
  for (const { name, from } of inputs.headers) copyFileSync(from, join(workDir, name));

  const jobs = inputs.sources.map((source) => ({ source, object: objectFor(job, source) }));
  const stale = jobs.filter(({ object }) => !existsSync(join(workDir, object)));
  const header = await precompileHeader(job, stale.length);
  await inParallel(stale, ({ source, object }) => compile(job, source, object, header));

  const objects = jobs.map(({ object }) => object);
  for (const object of objects) touch(join(workDir, object));
  const fresh = `${path}.new`;
  await callCompiler(job, "the linker", [...objects, "-o", fresh, ...inputs.flags.link]);
  await checkThatItLoads(addon, fresh);
  renameSync(fresh, path);
  const facts = { ...addon.facts, compiler, stamp: inputs.stamp };
  writeFileSync(factsPath(path), `${JSON.stringify(facts, null, 2)}\n`);
  touch(workDir);
  // Hundreds of MB that are useful only while the sources are changed.
  if (isInstalled(addon.folder)) removePrecompiled(workDir);
  prune(cache, `${addon.name}-`);
  return stale.length;
}

/** @param {string} workDir */
function removePrecompiled(workDir) {
  for (const file of readdirSync(workDir))
    if (file.endsWith(".gch")) rmSync(join(workDir, file), { force: true });
}

/**
 * Precompiles the common header, with GCC only: GCC uses it where it is valid and else reads the header as text.
 *
 * @param {Build} job
 * @param {number} toCompile the number of files to compile
 * @returns {Promise<string | undefined>} the header to include first
 */
async function precompileHeader(job, toCompile) {
  const { addon, inputs, compiler, workDir } = job;
  const { commonHeader } = addon;
  if (!commonHeader || !inputs.headers.some(({ name }) => name === commonHeader)) return undefined;
  const header = `precompiled-${hash(compiler)}.h`;
  const compiled = join(workDir, `${header}.gch`);
  if (existsSync(compiled)) return header;
  if (compiler.family !== "gcc" || toCompile < WORTH_PRECOMPILING) return undefined;
  removePrecompiled(workDir);
  writeFileSync(join(workDir, header), `#include "${commonHeader}"\n`);
  const args = [...inputs.flags.compile, "-x", "c++-header", header, "-o", `${header}.gch.new`];
  await callCompiler(job, commonHeader, args);
  renameSync(`${compiled}.new`, compiled);
  return header;
}

/**
 * Compiles in the folder of the objects, with file names only, so that objects do not depend on the package's path.
 *
 * @param {Build} job
 * @param {import("./inputs.mjs").Source} source
 * @param {string} object
 * @param {string | undefined} header
 */
async function compile(job, { name, content }, object, header) {
  const { inputs, workDir } = job;
  writeFileSync(join(workDir, name), content);
  const include = header ? ["-include", header] : [];
  const args = [...inputs.flags.compile, ...include, "-c", name, "-o", `${object}.new`];
  await callCompiler(job, name, args);
  renameSync(join(workDir, `${object}.new`), join(workDir, object));
  rmSync(join(workDir, name));
}

/**
 * @param {Build} job
 * @param {string} what the part that is built, for the message
 * @param {string[]} args
 */
async function callCompiler({ addon, compiler, env, target, workDir }, what, args) {
  const [program = "", ...first] = compiler.command;
  const { code, output } = await run(program, [...first, ...args], { env, cwd: workDir });
  const log = join(target, LOG);
  writeFileSync(log, `${[program, ...first, ...args].join(" ")}\n${output}\n`, { flag: "a" });
  if (code === 0) return;
  throw new Failure(
    `Building the ${addon.name} addon failed at ${what}:\n${firstErrors(output)}\n` +
      `  The whole log: ${log}. The compiler: ${program} ${compiler.version}.`,
  );
}

/** The output from the first line with an error. Earlier lines are the chain of includes. */
function firstErrors(/** @type {string} */ output) {
  const lines = output.split("\n");
  const first = lines.findIndex((line) => /error|undefined reference|Killed/i.test(line));
  return lines
    .slice(Math.max(first, 0), Math.max(first, 0) + 8)
    .map((line) => `  ${line}`)
    .join("\n")
    .trimEnd();
}

/**
 * Loads the new addon in a separate process, so that a library that is missing or has another ABI is reported here and
 * not later at run time.
 *
 * @param {Addon} addon
 * @param {string} path
 */
async function checkThatItLoads({ name }, path) {
  const load = "process.dlopen({ exports: {} }, process.argv[1])";
  const { code, output } = await run(process.execPath, ["-e", load, path]);
  if (code === 0) return;
  const reason = output.split("\n").find((line) => line.includes("Error: ")) ?? output.trim();
  rmSync(path, { force: true });
  throw new Failure(
    `The ${name} addon was built but does not load:\n  ${reason}\n` +
      "  Remedy: install a library that fits this system, or set LIBTORCH to another libtorch.",
  );
}

/**
 * @template T
 * @param {T[]} items
 * @param {(item: T) => Promise<void>} work
 */
async function inParallel(items, work) {
  const cores = os.availableParallelism();
  const jobs = Math.max(1, Math.min(cores, Math.floor(os.freemem() / BYTES_PER_JOB)));
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  const results = await Promise.allSettled(Array.from({ length: jobs }, worker));
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * The name is a hash of all inputs of an object, so a file that was changed and changed back is not compiled again.
 *
 * @param {Build} job
 * @param {import("./inputs.mjs").Source} source
 */
function objectFor({ inputs, compiler }, { name, content }) {
  return `${basename(name, ".cc")}-${hash([inputs.context, compiler, content])}.o`;
}
