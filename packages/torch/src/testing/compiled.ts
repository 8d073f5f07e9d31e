/** For tests: runs this package compiled, as installed, in a separate process. */
import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeRecord } from "@sdgan/addons/addon-path";
import { pathOfAddon } from "../addon-path.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const own = fileURLToPath(new URL("../../", import.meta.url));

/** Compiles what changed, so that no test passes with a stale build. Types are checked elsewhere. */
export function compile(): void {
  spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root });
}

/**
 * Makes a copy of the package in `folder`, with its own addon or with `addon`, and records it in the cache under
 * `cacheHome`, which must be the process's XDG_CACHE_HOME.
 */
export function copyPackage(
  folder: string,
  cacheHome: string,
  addon?: string,
): { folder: string; addon: string } {
  mkdirSync(folder, { recursive: true });
  for (const part of ["package.json", "dist"])
    cpSync(join(own, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const used = addon ?? join(folder, "torch.node");
  if (addon === undefined) cpSync(pathOfAddon(), used);
  writeRecord(folder, used, join(cacheHome, "sdgan"));
  return { folder, addon: used };
}

/** Returns the JSON in the last line that a module prints. It is run in `packages/torch`, where `@sdgan/torch` can be imported. */
export async function resultOf(code: string, env: NodeJS.ProcessEnv = process.env): Promise<unknown> {
  const args = ["--input-type=module", "-e", code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: own, env, timeout: 150_000 });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}
