import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { installEmoji } from "./install.js";
import { installedPackages } from "./npm-packages.js";
import { emojiPackages, shareAlikePackages } from "./pins.js";
import { emojiSets, packageOf, shareAlikeSets } from "./sets.js";

const pins = {
  one: { version: "1.0.0", integrity: "sha512-x", bytes: 10 },
  "@a/two": { version: "2.0.0", integrity: "sha512-y", bytes: 5 },
};

let folder: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-npm-"));
  mkdirSync(join(folder, "bin"));
  env = {
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    XDG_CACHE_HOME: join(folder, "cache"),
    npm_config_omit: "prod",
  };
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Puts a program `npm` on the PATH, which counts its calls in `calls`. */
function npm(script: string): void {
  const path = join(folder, "bin/npm");
  writeFileSync(path, `#!/bin/sh\necho "$@ omit=$npm_config_omit" >> ${join(folder, "calls")}\n${script}\n`);
  chmodSync(path, 0o755);
}

const WORKING =
  'for p in one @a/two; do mkdir -p node_modules/$p; echo "{}" > node_modules/$p/package.json; done';

const calls = () =>
  existsSync(join(folder, "calls")) ? readFileSync(join(folder, "calls"), "utf8").trim().split("\n") : [];
const cached = () => readdirSync(join(folder, "cache/sdgan")).filter((name) => !name.endsWith(".lock"));

it("installs exactly the given packages once, without scripts, and says so before", async () => {
  npm(`cp package-lock.json ${folder}; ${WORKING}`);
  const seen: unknown[] = [];
  const options = {
    env,
    onDownload: (one: unknown) => seen.push(one),
    onProgress: (one: unknown) => seen.push(one),
  };
  const installed = await installedPackages("things", pins, options);
  expect(seen[0]).toEqual({ packages: 2, bytes: 15 });
  expect(seen.at(-1)).toEqual({ done: 2, total: 2 });
  expect(readdirSync(installed).sort()).toEqual(["@a", "one"]);
  expect(calls()).toHaveLength(1);
  expect(calls()[0]).toMatch(/^ci --ignore-scripts .* omit=$/);
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8"));
  expect(lock.packages["node_modules/@a/two"]).toEqual({ version: "2.0.0", integrity: "sha512-y" });

  npm("exit 1");
  expect(await installedPackages("things", pins, { env })).toBe(installed);
  expect(calls()).toHaveLength(1);
  // Another version is another installation.
  await expect(
    installedPackages("things", { ...pins, one: { ...pins.one, version: "1.0.1" } }, { env }),
  ).rejects.toThrow();
});

it("installs once if two ask at the same time", async () => {
  npm(`sleep 0.3; ${WORKING}`);
  const both = [0, 1].map(() => installedPackages("things", pins, { env }));
  const [first, second] = await Promise.all(both);
  expect(first).toBe(second);
  expect(calls()).toHaveLength(1);
});

it.each([
  [
    "echo 'npm error code ENOTFOUND'; echo 'npm error request to https://some.host/one failed'; exit 1",
    /no connection \(ENOTFOUND\): connect to the network/,
  ],
  ["echo 'npm ERR! code ECONNREFUSED' >&2; exit 1", /no connection \(ECONNREFUSED\)/],
  ["echo 'npm error code EINTEGRITY'; exit 1", /another content than expected \(EINTEGRITY\)/],
  ["exit 3", /npm ended with exit code 3;/],
  [`${WORKING}; rm -r node_modules/one`, /npm ended without one/],
])("leaves nothing and explains in one line when npm does: %s", async (script, message) => {
  npm(script);
  const error = await installedPackages("things", pins, { env }).catch((error) => error);
  expect(error.name).toBe("UserError");
  expect(error.message).toMatch(message);
  expect(error.message).not.toMatch(/\n|some\.host/);
  expect(cached()).toEqual([]);
  npm(WORKING);
  expect(readdirSync(await installedPackages("things", pins, { env }))).toContain("one");
});

it("explains a missing npm", async () => {
  env.PATH = join(folder, "bin");
  // The program is looked for on the PATH of the given environment.
  await expect(installedPackages("things", pins, { env })).rejects.toThrow(/npm cannot be run: install it/);
});

it("does not use what a killed installation left, and removes it later", async () => {
  npm(WORKING);
  const installed = await installedPackages("things", pins, { env });
  const name = installed.split("/").at(-2)!;
  const [fresh, old] = ["0", "1"].map((one) => join(folder, "cache/sdgan", `${name}.${one}.partial`));
  rmSync(join(folder, "cache/sdgan", name), { recursive: true });
  for (const path of [fresh!, old!]) mkdirSync(join(path, "node_modules/one"), { recursive: true });
  utimesSync(old!, 1000, 1000);
  expect(await installedPackages("things", pins, { env })).toBe(installed);
  expect(calls()).toHaveLength(2);
  expect([existsSync(fresh!), existsSync(old!)]).toEqual([true, false]);
});

it("installs the sets with other conditions only on request", async () => {
  npm(`exec ${process.execPath} -e '
    const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");
    for (const name of Object.keys(JSON.parse(readFileSync("package.json")).dependencies)) {
      mkdirSync("node_modules/" + name, { recursive: true });
      writeFileSync("node_modules/" + name + "/package.json", "{}");
    }'`);
  const downloads: number[] = [];
  const onDownload = ({ packages }: { packages: number }) => downloads.push(packages);
  const { packages, sets } = await installEmoji({ env, onDownload });
  expect(sets.map(packageOf).every((name) => existsSync(join(packages[0]!, name)))).toBe(true);
  const more = await installEmoji({ env, onDownload, shareAlike: true });
  expect(more.packages).toEqual([packages[0], more.packages[1]]);
  expect(more.sets.slice(sets.length).map(({ name }) => name)).toEqual(["openmoji", "emojione-v1"]);
  expect(existsSync(join(more.packages[1]!, "@iconify-json/openmoji"))).toBe(true);
  expect(downloads).toEqual([Object.keys(emojiPackages).length, Object.keys(shareAlikePackages).length]);
});

it("pins a package for every set", () => {
  for (const [sets, packages] of [
    [emojiSets, emojiPackages],
    [shareAlikeSets, shareAlikePackages],
  ] as const) {
    for (const set of sets) expect(packages).toHaveProperty([packageOf(set)]);
    for (const { version, integrity } of Object.values(packages)) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
    }
  }
});
