/**
 * Builds the page (`packages/studio`) into `packages/studio/dist`, if its sources have changed since the last time, and
 * puts the models in the box (`models/`) beside it. It takes two to three seconds of a processor.
 *
 *   node scripts/build-studio.mjs
 */
import "./node-version.mjs";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runAsProgram } from "../packages/addons/lib/failure.mjs";
import { buildOnce, ROOT } from "./build-once.mjs";

export const STUDIO = join(ROOT, "packages/studio");
const DIST = join(STUDIO, "dist");
/** Where the models in the box are. */
const BOX = join(ROOT, "models");
/** What the page is made of. Its dependencies are those of the lock file. */
const SOURCES = [
  ...["packages/studio/src", "packages/studio/public", "packages/studio/index.html"],
  ...["packages/studio/vite.config.ts", "packages/pipeline/src", "packages/core/src", "package-lock.json"],
];

/**
 * @returns {Promise<boolean>} whether anything was built
 */
export function buildStudio() {
  const models = modelsInBox();
  return buildOnce({
    sources: [...SOURCES.map((path) => join(ROOT, path)), ...models],
    output: join(DIST, "index.html"),
    stamp: join(STUDIO, "build/stamp"),
    async build() {
      const { build } = await import("vite");
      await build({ root: STUDIO, configFile: join(STUDIO, "vite.config.ts"), logLevel: "error" });
      putModels(join(DIST, "models"), models);
    },
  });
}

/** Their folders; the model of a user's first image comes first. */
function modelsInBox() {
  const first = join(BOX, "first.json");
  const { model } = existsSync(first) ? JSON.parse(readFileSync(first, "utf8")) : { model: undefined };
  const names = existsSync(BOX) ? readdirSync(BOX).sort() : [];
  return [...names.filter((name) => name === model), ...names.filter((name) => name !== model)]
    .map((name) => join(BOX, name))
    .filter((folder) => existsSync(join(folder, "model.json")));
}

/**
 * Makes a folder `models` as the page reads it: a folder for each model, and `index.json` with their names.
 *
 * @param {string} target is replaced
 * @param {readonly string[]} folders of the models
 */
export function putModels(target, folders) {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const names = [];
  for (const folder of folders) {
    const { name } = JSON.parse(readFileSync(join(folder, "model.json"), "utf8"));
    cpSync(folder, join(target, name), { recursive: true });
    names.push(name);
  }
  writeFileSync(join(target, "index.json"), `${JSON.stringify({ models: names }, undefined, 2)}\n`);
}

await runAsProgram(import.meta.url, async () => {
  await buildStudio();
});
