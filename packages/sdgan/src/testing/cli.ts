/** For tests: the command line as people have it, compiled and in a process of its own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const bin = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));

export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Compiles what changed, so that no test passes by a stale build. Whether the types are right is tested elsewhere. */
export function compile(): void {
  spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root });
}

/** Runs `sdgan` to its end. */
export function sdgan(...args: string[]): Promise<Ended> {
  return startSdgan(...args).ended;
}

/** Runs `sdgan` where `modules` cannot be imported. */
export function sdganWithout(modules: string[], ...args: string[]): Promise<Ended> {
  const hooks = `export async function resolve(name, context, next) {
    if (${JSON.stringify(modules)}.includes(name)) throw new Error(name + " cannot be loaded");
    return next(name, context);
  }`;
  const register = `import { register } from "node:module"; register(${JSON.stringify(dataUrl(hooks))});`;
  return start(["--import", dataUrl(register), bin, ...args]).ended;
}

/** Starts `sdgan`. */
export function startSdgan(...args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  return start([bin, ...args]);
}

function start(args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  // One thread: other tests run beside it, and threads that share a core mostly wait for each other.
  const env = { ...process.env, OMP_NUM_THREADS: "1" };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
  return { child, ended };
}

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
