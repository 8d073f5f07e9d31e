/** For tests: runs a program in several processes, the ranks of a process group. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { StoreOptions } from "../distributed/index.js";

const own = fileURLToPath(new URL("../../", import.meta.url));

/** How a rank ended: what its program returned, or the error that it threw. */
export interface Ending {
  value?: unknown;
  error?: { name: string; message: string; suspects?: number[] };
  /** From the start of its group to the end of its program. */
  seconds: number;
  code: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

export interface RankOptions {
  store: StoreOptions;
  worldSize: number;
  /** The ranks to start; all by default. */
  ranks?: number[];
  timeoutMs?: number;
  /** Kills the ranks that have not ended by then; 20 s by default. */
  limitMs?: number;
  /** A rank that stops itself: it is killed when all others have ended. */
  stopped?: number;
}

/**
 * Runs the body of an asynchronous function in each rank. It sees `torch`, `group`, `rank`, `worldSize`, `initProcessGroup`,
 * `options` (those of the group), `sleep(ms)`, which blocks, and `message(fn)`, the message of what it throws.
 */
export async function runRanks(
  body: string,
  { store, worldSize, ranks, timeoutMs = 20_000, limitMs = 20_000, stopped }: RankOptions,
): Promise<Ending[]> {
  const started = (ranks ?? Array.from({ length: worldSize }, (_, rank) => rank)).map((rank) => {
    const options = { rank, worldSize, store, timeoutMs };
    const child = spawn(process.execPath, ["--input-type=module", "-e", program(body)], {
      cwd: own,
      env: { ...process.env, OMP_NUM_THREADS: "1", OPTIONS: JSON.stringify(options) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { rank, child, ending: endingOf(child) };
  });
  const others = started.filter(({ rank }) => rank !== stopped);
  if (others.length < started.length)
    void Promise.all(others.map(({ ending }) => ending)).then(() => {
      for (const { rank, child } of started) if (rank === stopped) child.kill("SIGKILL");
    });
  // SIGKILL also ends stopped processes.
  const timer = setTimeout(() => {
    for (const { child } of started) child.kill("SIGKILL");
  }, limitMs);
  const endings = await Promise.all(started.map(({ ending }) => ending));
  clearTimeout(timer);
  return endings;
}

/** The program of a rank: it prints how its body ended. */
function program(body: string): string {
  return `
import * as torch from "@sdgan/torch";
import { initProcessGroup } from "@sdgan/torch/distributed";
const options = JSON.parse(process.env.OPTIONS);
const { rank, worldSize } = options;
const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
const message = (fn) => { try { fn(); return ""; } catch (error) { return error.message; } };
const start = performance.now();
const print = (result) => console.log(JSON.stringify({ ...result, seconds: (performance.now() - start) / 1000 }));
try {
  const group = await initProcessGroup(options);
  const value = await (async () => { ${body} })();
  print({ value });
} catch (error) {
  print({ error: { name: error.name, message: error.message, suspects: error.suspects } });
}`;
}

async function endingOf(child: ChildProcess): Promise<Ending> {
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]!.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once("close", (...how) => resolve(how)),
  );
  const last = output.stdout.trimEnd().split("\n").at(-1);
  return { seconds: 0, ...(last ? JSON.parse(last) : {}), code, signal, stderr: output.stderr };
}

/** A port of this machine that nothing uses. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
  );
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function tcpStore(): Promise<StoreOptions> {
  return { kind: "tcp", host: "127.0.0.1", port: await freePort() };
}

/** A file that does not exist yet, removed after the test. */
export function fileStore(): StoreOptions {
  const folder = mkdtempSync(join(tmpdir(), "torch-ranks-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { kind: "file", path: join(folder, "store") };
}
