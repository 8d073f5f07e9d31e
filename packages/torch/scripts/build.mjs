/**
 * Builds the addon: every `.cc` of `native/` into `build/torch.node`, by calling the C++ compiler directly.
 *
 *   node build.mjs [--source DIR] [--out DIR]
 *
 * A build that is up to date costs milliseconds; otherwise only changed files are compiled. The output
 * folder also gets `libtorch.json` (what the addon was built against) and `build.log` (the commands and all
 * that the compiler printed). A failed build leaves the earlier addon in place.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { run } from "./command.mjs";
import { findCompiler, flagsFor, isUnchanged } from "./compiler.mjs";
import { Failure, runAsProgram } from "./failure.mjs";
import { findLibtorch } from "./find-libtorch.mjs";
import { withLock } from "./lock.mjs";
import { OLDEST_VERSION } from "./version.mjs";

/** @typedef {import("./find-libtorch.mjs").Libtorch} Libtorch */
/** @typedef {import("./compiler.mjs").Compiler} Compiler */

/**
 * What is built, as far as it is known before a compiler is asked.
 *
 * @typedef {object} Inputs
 * @property {string} sourceDir
 * @property {string[]} sources names of the `.cc` files
 * @property {{ compile: string[], link: string[] }} flags
 * @property {string} context hash of what every object depends on: headers, flags, libtorch
 * @property {string} stamp hash of what the addon depends on
 */

/**
 * @typedef {object} Builder
 * @property {string} outDir
 * @property {Compiler} compiler
 * @property {NodeJS.ProcessEnv} env
 */

const NATIVE = fileURLToPath(new URL("../native", import.meta.url));
const OUT = fileURLToPath(new URL("../build", import.meta.url));

/** What the addon was built against, and with what. */
const RECORD = "libtorch.json";

/** The commands of the last build, and all that the compiler printed. */
const LOG = "build.log";

/** Precompiled for all sources: parsing libtorch's headers takes 8 of the 9 seconds that a file takes. */
const COMMON_HEADER = "common.h";

/** Below this number of files to compile, precompiling the header costs more than it saves. */
const WORTH_PRECOMPILING = 3;

/** What one compiler with libtorch's headers in it takes at most (measured: 775 MB). */
const BYTES_PER_JOB = 0.8e9;

/**
 * @param {Libtorch} libtorch
 * @param {{ sourceDir?: string, outDir?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ addon: string, compiled: number }>} the path of the addon, and how many files had to
 *   be compiled; -1 if the addon was up to date
 */
export async function buildAddon(libtorch, { sourceDir = NATIVE, outDir = OUT, env = process.env } = {}) {
  const addon = join(outDir, "torch.node");
  const inputs = readInputs(libtorch, sourceDir, env);
  if (await isUpToDate(inputs, outDir, addon, env)) return { addon, compiled: -1 };
  const compiled = await withLock(join(outDir, "lock"), async () => {
    // Another process may have built it while this one waited for the lock.
    if (await isUpToDate(inputs, outDir, addon, env)) return -1;
    const compiler = await findCompiler(libtorch, env);
    return build(inputs, { outDir, compiler, env }, libtorch, addon);
  });
  return { addon, compiled };
}

/**
 * @param {Libtorch} libtorch
 * @param {string} sourceDir
 * @param {NodeJS.ProcessEnv} env
 * @returns {Inputs}
 */
function readInputs(libtorch, sourceDir, env) {
  const files = existsSync(sourceDir) ? readdirSync(sourceDir).sort() : [];
  const sources = files.filter((file) => file.endsWith(".cc"));
  if (sources.length === 0) throw new Failure(`${sourceDir} has no .cc files to build the addon from.`);
  const headers = files.filter((file) => file.endsWith(".h")).map((file) => read(sourceDir, file));
  const flags = flagsFor(libtorch);
  const { version, libDir } = libtorch;
  const context = hash([flags.compile, version, libDir, modifiedAt(libDir), sourceDir, headers]);
  const contents = sources.map((file) => read(sourceDir, file));
  const stamp = hash([context, flags.link, sources, contents, env.CXX]);
  return { sourceDir, sources, flags, context, stamp };
}

/**
 * @param {Inputs} inputs
 * @param {string} outDir
 * @param {string} addon
 * @param {NodeJS.ProcessEnv} env
 */
async function isUpToDate({ stamp }, outDir, addon, env) {
  const path = join(outDir, RECORD);
  if (!existsSync(addon) || !existsSync(path)) return false;
  const record = JSON.parse(readFileSync(path, "utf8"));
  return record.stamp === stamp && isUnchanged(record.compiler, env);
}

/**
 * @param {Inputs} inputs
 * @param {Builder} builder
 * @param {Libtorch} libtorch
 * @param {string} addon
 * @returns {Promise<number>} how many files were compiled
 */
async function build(inputs, builder, libtorch, addon) {
  const { sources, flags, stamp } = inputs;
  const { outDir, compiler } = builder;
  const objectsDir = join(outDir, "objects");
  mkdirSync(objectsDir, { recursive: true });
  writeFileSync(join(outDir, LOG), "");

  const jobs = sources.map((source) => ({ source, object: objectFor(inputs, builder, source) }));
  const stale = jobs.filter(({ object }) => !existsSync(object));
  const header = await precompileHeader(inputs, builder, stale.length);
  await inParallel(stale, ({ source, object }) => compile(inputs, builder, source, object, header));

  const objects = jobs.map(({ object }) => object);
  const fresh = `${addon}.new`;
  await callCompiler(builder, "the linker", [...objects, "-o", fresh, ...flags.link]);
  await checkThatItLoads(fresh);
  renameSync(fresh, addon);
  writeFileSync(join(outDir, RECORD), `${JSON.stringify({ ...libtorch, compiler, stamp }, null, 2)}\n`);
  for (const file of readdirSync(objectsDir))
    if (!objects.includes(join(objectsDir, file))) rmSync(join(objectsDir, file));
  return stale.length;
}

/**
 * Only for GCC: the header is then used wherever it is valid and else silently read as text.
 *
 * @param {Inputs} inputs
 * @param {Builder} builder
 * @param {number} toCompile how many files are to be compiled
 * @returns {Promise<string | undefined>} the header to include first
 */
async function precompileHeader({ sourceDir, flags, context }, builder, toCompile) {
  const { outDir, compiler } = builder;
  const folder = join(outDir, "precompiled");
  const header = join(folder, `${hash([context, compiler])}.h`);
  if (existsSync(`${header}.gch`)) return header;
  if (compiler.family !== "gcc" || toCompile < WORTH_PRECOMPILING) return undefined;
  if (!existsSync(join(sourceDir, COMMON_HEADER))) return undefined;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(header, `#include "${join(sourceDir, COMMON_HEADER)}"\n`);
  const args = [...flags.compile, "-x", "c++-header", header, "-o", `${header}.new`];
  await callCompiler(builder, COMMON_HEADER, args);
  renameSync(`${header}.new`, `${header}.gch`);
  return header;
}

/**
 * @param {Inputs} inputs
 * @param {Builder} builder
 * @param {string} source
 * @param {string} object
 * @param {string | undefined} header
 */
async function compile({ sourceDir, flags }, builder, source, object, header) {
  const include = header ? ["-include", header] : [];
  const args = [...flags.compile, ...include, "-c", join(sourceDir, source), "-o", `${object}.new`];
  await callCompiler(builder, source, args);
  renameSync(`${object}.new`, object);
}

/**
 * @param {Builder} builder
 * @param {string} what is being made, for the message
 * @param {string[]} args
 */
async function callCompiler({ compiler, env, outDir }, what, args) {
  const [program = "", ...first] = compiler.command;
  const { code, output } = await run(program, [...first, ...args], { env });
  const log = join(outDir, LOG);
  writeFileSync(log, `${[program, ...first, ...args].join(" ")}\n${output}\n`, { flag: "a" });
  if (code === 0) return;
  throw new Failure(
    `Building the libtorch addon failed at ${what}:\n${firstErrors(output)}\n` +
      `  The whole log: ${log}. The compiler: ${program} ${compiler.version}.`,
  );
}

/** From the first line with an error on: what is before it is the chain of includes. */
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
 * Loads the new addon in a process of its own: a library that is missing or of another ABI shows here, with
 * its name, and not in the middle of somebody's work.
 *
 * @param {string} path
 */
async function checkThatItLoads(path) {
  const load = "process.dlopen({ exports: {} }, process.argv[1])";
  const { code, output } = await run(process.execPath, ["-e", load, path]);
  if (code === 0) return;
  const reason = output.split("\n").find((line) => line.includes("Error: ")) ?? output.trim();
  rmSync(path, { force: true });
  throw new Failure(
    `The libtorch addon was built but does not load:\n  ${reason}\n` +
      "  Remedy: a libtorch that fits this system; LIBTORCH names another one.",
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
 * Where the object of a source is, if it was ever compiled as it is now.
 *
 * @param {Inputs} inputs
 * @param {Builder} builder
 * @param {string} source
 */
function objectFor({ sourceDir, context }, { outDir, compiler }, source) {
  const key = hash([context, compiler, read(sourceDir, source)]);
  return join(outDir, "objects", `${basename(source, ".cc")}-${key}.o`);
}

/**
 * @param {string} folder
 * @param {string} file
 */
function read(folder, file) {
  return readFileSync(join(folder, file), "utf8");
}

/** A libtorch that was replaced in place by another build of the same version needs a new addon. */
function modifiedAt(/** @type {string} */ libDir) {
  return readdirSync(libDir)
    .filter((file) => /^lib(torch_cpu|c10)\.(so|dylib)$/.test(file))
    .map((file) => [file, statSync(join(libDir, file)).mtimeMs]);
}

/** @param {unknown} value */
function hash(value) {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({ options: { source: { type: "string" }, out: { type: "string" } } });
  const { libtorch, rejected } = findLibtorch();
  if (!libtorch) {
    const found = rejected.map((line) => `\n  Found: ${line}.`).join("");
    throw new Failure(
      `libtorch ${OLDEST_VERSION} or newer is needed to build its addon.${found}\n  Remedy: npm run setup.`,
    );
  }
  const started = performance.now();
  const { addon, compiled } = await buildAddon(libtorch, {
    ...(values.source ? { sourceDir: resolve(values.source) } : {}),
    ...(values.out ? { outDir: resolve(values.out) } : {}),
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const done = compiled < 0 ? "is up to date" : `built, ${compiled} files compiled`;
  console.log(`✓ ${addon} ${done} (libtorch ${libtorch.version}, ${seconds} s)`);
});
