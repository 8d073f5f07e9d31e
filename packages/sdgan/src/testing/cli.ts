/** For tests: runs the compiled command line in a process of its own. */
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

/** Compiles changed files, so that tests do not run an old build. Type errors are ignored here. */
export function compile(): void {
  spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b"], { cwd: root });
}

/** Runs `sdgan` and waits for its end. */
export function sdgan(...args: string[]): Promise<Ended> {
  return startSdgan(...args).ended;
}

/** Runs `sdgan` with imports of `modules` failing. */
export function sdganWithout(modules: string[], ...args: string[]): Promise<Ended> {
  return start(["--import", failingImportsOf(modules), bin, ...args]).ended;
}

/** The URL of a module after whose import all imports of `modules` fail. */
export function failingImportsOf(modules: string[]): string {
  const hooks = `export async function resolve(name, context, next) {
    if (${JSON.stringify(modules)}.includes(name)) throw new Error(name + " cannot be loaded");
    return next(name, context);
  }`;
  return dataUrl(`import { register } from "node:module"; register(${JSON.stringify(dataUrl(hooks))});`);
}

/** Starts `sdgan` with these variables in its environment. */
export function startSdganIn(variables: Record<string, string>, ...args: string[]) {
  return start([bin, ...args], variables);
}

/** Starts `sdgan`. */
export function startSdgan(...args: string[]): { child: ChildProcess; ended: Promise<Ended> } {
  return start([bin, ...args]);
}

function start(
  args: string[],
  variables: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  // One thread, because other tests run at the same time. As started by a shell, also if the tests run under nohup.
  const env = { ...process.env, OMP_NUM_THREADS: "1", _: process.execPath, ...variables };
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
