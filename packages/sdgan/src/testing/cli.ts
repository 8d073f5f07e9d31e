/** For tests: the command line as people have it, compiled and in a process of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const bin = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));

/** Compiles what changed, so that no test passes by a stale build. Whether the types are right is tested elsewhere. */
export function compile(): void {
  spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root });
}

/** Runs `sdgan` to its end. */
export function sdgan(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { encoding: "utf8" });
  return { code: status, stdout, stderr };
}

/** Starts `sdgan`. Its `stderr` can be read. */
export function startSdgan(...args: string[]): ChildProcess {
  return spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

/** Waits for a process that was started. */
export function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
}

/** Runs `sdgan` where `modules` cannot be imported. */
export function sdganWithout(modules: string[], ...args: string[]): ReturnType<typeof sdgan> {
  const hooks = `export async function resolve(name, context, next) {
    if (${JSON.stringify(modules)}.includes(name)) throw new Error(name + " cannot be loaded");
    return next(name, context);
  }`;
  const register = `import { register } from "node:module"; register(${JSON.stringify(dataUrl(hooks))});`;
  const node = ["--import", dataUrl(register), bin, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { encoding: "utf8" });
  return { code: status, stdout, stderr };
}

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
