/**
 * Runs in a package's folder before `npm pack` and `npm publish`: compiles what changed, and removes compiled files
 * whose sources were moved or deleted, so that no tarball contains them.
 */
import "./node-version.mjs";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { compileTypeScript } from "./setup.mjs";

/** Where compiled files come from: the start of their names in `dist/`, and that of their sources. */
const ORIGINS = [
  { dist: "scripts/", source: "scripts/", endings: [".mjs"] },
  { dist: "", source: "src/", endings: [".ts", ".tsx"] },
  { dist: "", source: "lib/", endings: [".mjs"] },
];

/** What is not compiled from a source of its own: the compiler's state, and what build-pipeline.mjs makes. */
const OTHERS = /\.tsbuildinfo$|^browser\//;

await runAsProgram(import.meta.url, async () => {
  const { code, output } = await compileTypeScript();
  if (code !== 0) throw new Failure(`The TypeScript does not compile:\n${output.trim()}`);
  removeStale(process.cwd());
});

/**
 * @param {string} folder of a package
 * @returns {string[]} the removed files, as paths in `dist/`
 */
export function removeStale(folder) {
  const dist = join(folder, "dist");
  const stale = filesOf(dist).filter((file) => !OTHERS.test(file) && !hasSource(folder, file));
  for (const file of stale) rmSync(join(dist, file));
  return stale;
}

/**
 * @param {string} folder
 * @param {string} file in `dist/`
 */
function hasSource(folder, file) {
  const name = file.replace(/(\.d)?\.m?[jt]s(\.map)?$/, "");
  return ORIGINS.some(
    ({ dist, source, endings }) =>
      name.startsWith(dist) &&
      endings.some((ending) => isFile(join(folder, source + name.slice(dist.length) + ending))),
  );
}

/** @param {string} path */
function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/**
 * @param {string} folder
 * @returns {string[]} the files below it, as paths relative to it
 */
function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
