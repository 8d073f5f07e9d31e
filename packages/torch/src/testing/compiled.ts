/** For tests: this package as it is installed, compiled and in a process of its own. */
import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const own = fileURLToPath(new URL("../../", import.meta.url));

/** Compiles what changed, so that no test passes by a stale build. Whether the types are right is tested elsewhere. */
export function compile(): void {
  spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root });
}

/** A copy of the package, addon and all, in `folder`. */
export function copyPackage(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const part of ["package.json", "dist", "build/torch.node"])
    cpSync(join(own, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** What a module prints as JSON in its last line. It is run in `packages/torch`, where `@sdgan/torch` can be imported. */
export async function resultOf(code: string, env: NodeJS.ProcessEnv = process.env): Promise<unknown> {
  const args = ["--input-type=module", "-e", code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: own, env, timeout: 150_000 });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}
