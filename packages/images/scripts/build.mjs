/**
 * Builds the addon that makes images ready: `native/*.cc` into `build/images.node`. With libjpeg-turbo, which is
 * installed where that needs no password, it reads JPEGs by itself; without, it only scales what others have decoded,
 * which is slower and gives the same images. An addon that is up to date costs a millisecond.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { aptInstall, THIS_PROCESS } from "../../torch/scripts/apt.mjs";
import { run } from "../../torch/scripts/command.mjs";
import { findCompiler } from "../../torch/scripts/compiler.mjs";
import { Failure, runAsProgram } from "../../torch/scripts/failure.mjs";
import { findLibtorch } from "../../torch/scripts/find-libtorch.mjs";
import { withLock } from "../../torch/scripts/lock.mjs";

/** @typedef {import("../../torch/scripts/find-libtorch.mjs").Libtorch} Libtorch */

const NATIVE = fileURLToPath(new URL("../native", import.meta.url));
const OUT = fileURLToPath(new URL("../build", import.meta.url));
const ADDON = join(OUT, "images.node");
const STAMP = join(OUT, "stamp");

/**
 * @param {Libtorch} libtorch what the compiler has to be good enough for, anyway
 * @param {(line: string) => void} [say]
 * @returns {Promise<boolean>} whether anything had to be done
 * @throws {Failure} if the compiler fails
 */
export async function buildImages(libtorch, say = console.log) {
  const stamp = stampOf();
  const isUpToDate = () => existsSync(ADDON) && existsSync(STAMP) && readFileSync(STAMP, "utf8") === stamp;
  if (isUpToDate()) return false;
  return withLock(join(OUT, "lock"), async () => {
    if (isUpToDate()) return false;
    const { command } = await findCompiler(libtorch);
    await compileAny(command, say);
    writeFileSync(STAMP, stamp);
    return true;
  });
}

/**
 * @param {string[]} compiler
 * @param {(line: string) => void} say
 */
async function compileAny(compiler, say) {
  if ((await compile(compiler, ["-DWITH_JPEG"], ["-ljpeg"])).code === 0) return;
  const announce = () => say("  installing libjpeg-dev with apt-get …");
  const reason = await aptInstall(["libjpeg-dev"], { caller: THIS_PROCESS, announce });
  if (reason === undefined && (await compile(compiler, ["-DWITH_JPEG"], ["-ljpeg"])).code === 0) return;
  const { code, output } = await compile(compiler, [], []);
  if (code !== 0) throw new Failure(`Building the addon for images failed:\n${output.trim()}`);
  say(`  without libjpeg-turbo, JPEGs are prepared more slowly (${reason ?? "its headers do not fit"})`);
}

/**
 * @param {string[]} compiler
 * @param {string[]} flags
 * @param {string[]} libraries
 */
async function compile([program = "", ...first], flags, libraries) {
  mkdirSync(OUT, { recursive: true });
  const fresh = `${ADDON}.new`;
  const result = await run(program, [
    ...[...first, "-O3", "-std=c++17", "-fPIC", "-shared", "-Wall", "-DNAPI_VERSION=9", ...flags],
    ...["-isystem", nodeApiHeaders(), ...sources(), "-o", fresh, ...libraries],
    ...(process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : []),
  ]);
  if (result.code !== 0) return result;
  const load = "process.dlopen({ exports: {} }, process.argv[1])";
  const loaded = await run(process.execPath, ["-e", load, fresh]);
  if (loaded.code === 0) renameSync(fresh, ADDON);
  return loaded;
}

function nodeApiHeaders() {
  return join(createRequire(import.meta.url).resolve("node-api-headers/package.json"), "../include");
}

function sources() {
  return readdirSync(NATIVE)
    .filter((file) => file.endsWith(".cc"))
    .sort()
    .map((file) => join(NATIVE, file));
}

/** Of all that the addon is made from. */
function stampOf() {
  const hash = createHash("sha256").update(readFileSync(fileURLToPath(import.meta.url)));
  for (const file of [...readdirSync(NATIVE).sort(), "../../torch/native/vectorize.h"])
    hash.update(readFileSync(join(NATIVE, file)));
  return hash.digest("hex");
}

await runAsProgram(import.meta.url, async () => {
  const { libtorch } = findLibtorch();
  if (!libtorch)
    throw new Failure("libtorch is needed, to tell which compiler will do.\n  Remedy: npm run setup.");
  const built = await buildImages(libtorch);
  console.log(`✓ ${ADDON} ${built ? "built" : "is up to date"}`);
});
