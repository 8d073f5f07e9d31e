/** The processes of one training, each started with the variables of a launcher and with its own output. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

export const bin = fileURLToPath(new URL("../../../bin/sdgan.js", import.meta.url));

export interface PlacedProcess {
  rank: number;
  child: ChildProcess;
  /** Its error output so far. */
  stderr(): string;
  /** Its exit code, 128 + the signal's number if a signal ended it. */
  ended: Promise<number>;
}

export interface Place {
  worldSize: number;
  port: number;
  /** Where process 0 is reached; by default on this machine. */
  host?: string;
  /** A command that runs each process somewhere, such as `ip netns exec NAME`. */
  within?: (rank: number) => string[];
  /** SDGAN_TIMEOUT. */
  timeout: number;
}

/** Starts `sdgan ARGS` in every process, with one thread each. */
export function startPlaced(
  args: readonly string[],
  { worldSize, port, host = "127.0.0.1", within = () => [], timeout }: Place,
): PlacedProcess[] {
  return Array.from({ length: worldSize }, (_, rank) => {
    const [program, ...rest] = [...within(rank), process.execPath, bin, ...args, "--threads", "1"];
    const child = spawn(program!, rest, {
      env: {
        ...process.env,
        ...{ RANK: String(rank), LOCAL_RANK: String(rank), WORLD_SIZE: String(worldSize) },
        ...{ MASTER_ADDR: host, MASTER_PORT: String(port), SDGAN_TIMEOUT: String(timeout) },
        OMP_NUM_THREADS: "1",
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const ended = new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
    return { rank, child, stderr: () => stderr, ended };
  });
}

/** Exit codes, or undefined where a process still runs after `seconds`. */
export async function codesWithin(
  processes: readonly PlacedProcess[],
  seconds: number,
): Promise<(number | undefined)[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), 1000 * seconds);
  });
  const codes = await Promise.all(processes.map(({ ended }) => Promise.race([ended, late])));
  clearTimeout(timer);
  return codes;
}

/** Ends what still runs. */
export async function endAll(processes: readonly PlacedProcess[]): Promise<void> {
  for (const { child } of processes) child.kill("SIGKILL");
  await Promise.all(processes.map(({ ended }) => ended));
}

/**
 * What is wrong with how the others ended after process `first` was lost; undefined if all have failed with a message that
 * names it.
 */
export function faultOf(
  others: readonly PlacedProcess[],
  codes: readonly (number | undefined)[],
  first: (rank: number) => number,
): string | undefined {
  for (const [i, { rank, stderr }] of others.entries()) {
    if (codes[i] === undefined) return `process ${rank} still runs`;
    if (codes[i] === 0) return `process ${rank} ended with code 0`;
    const named = new RegExp(`process ${rank}: .*(rank|process) ${first(rank)}\\b`, "i");
    if (!named.test(stderr()))
      return `process ${rank} does not name process ${first(rank)} (code ${codes[i]}): ${lastLine(stderr()) || "no message"}`;
  }
  return undefined;
}

export const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? "";
