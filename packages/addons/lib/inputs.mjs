/** The inputs of an addon, and the hashes that decide whether it must be built again. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPackage } from "./addon-path.mjs";
import { Failure } from "./failure.mjs";

/** Headers for every addon: `vectorize.h`. */
const COMMON_HEADERS = fileURLToPath(new URL("../include", import.meta.url));

/** @typedef {{ name: string, content: string }} Source a `.cc` file */

/**
 * The inputs that are known before the compiler is run.
 *
 * @typedef {object} Inputs
 * @property {string} name of the addon
 * @property {string} label `NAME-VERSION`
 * @property {Source[]} sources
 * @property {{ name: string, from: string }[]} headers
 * @property {{ compile: string[], link: string[] }} flags
 * @property {string} context hash of what every object depends on: headers, flags, libraries
 * @property {string} stamp hash of what the addon depends on
 */

/**
 * @param {import("./build.mjs").Addon} addon
 * @param {NodeJS.ProcessEnv} env
 * @returns {Inputs}
 */
export function readInputs(addon, env) {
  const { name, folder, standard, dependsOn } = addon;
  const root = folder instanceof URL ? fileURLToPath(folder) : folder;
  const sourceDir = addon.sourceDir ?? join(root, "native");
  const sources = filesOf(sourceDir, ".cc").map((file) => ({ name: file, content: read(sourceDir, file) }));
  if (sources.length === 0)
    throw new Failure(`${sourceDir} has no .cc files. Expected the sources of the addon.`);
  const headers = [nodeApiHeaders(), COMMON_HEADERS, sourceDir].flatMap((from) =>
    filesOf(from, ".h").map((file) => ({ name: file, from: join(from, file) })),
  );
  const flags = {
    compile: [
      `-std=c++${standard}`,
      "-fPIC",
      "-Wall",
      "-DNAPI_VERSION=9",
      "-isystem",
      ".",
      ...addon.flags.compile,
    ],
    link: [
      "-shared",
      ...(process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : []),
      ...addon.flags.link,
    ],
  };
  const texts = headers.map(({ name, from }) => [name, readFileSync(from, "utf8")]);
  const machine = [process.platform, process.arch];
  const context = hash([machine, flags.compile, dependsOn, texts]);
  const stamp = hash([context, flags.link, sources, env.CXX]);
  const { version } = readPackage(root);
  return { name, label: `${name}-${version}`, sources, headers, flags, context, stamp };
}

/**
 * @param {string} folder
 * @param {string} ending
 */
function filesOf(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(ending))
    .sort();
}

/**
 * @param {string} folder
 * @param {string} file
 */
function read(folder, file) {
  return readFileSync(join(folder, file), "utf8");
}

/** @returns {string} the folder of `node_api.h` */
function nodeApiHeaders() {
  try {
    const found = createRequire(import.meta.url).resolve("node-api-headers/package.json");
    return join(dirname(found), "include");
  } catch {
    throw new Failure("The npm package node-api-headers is not installed.\n  Remedy: npm install.");
  }
}

/** @param {unknown} value */
export function hash(value) {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
