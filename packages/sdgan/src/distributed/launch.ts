/** Starts the processes of one training on this machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { launchVariable } from "./launched.js";
import { asReportedError, linesToPrint, type ReportedError } from "./reported-errors.js";

export interface LaunchOptions {
  processes: number;
  /** Arguments of `sdgan`, the same for all processes. */
  args: readonly string[];
  /** Milliseconds that the others have to end in order after one has failed; then they are killed. */
  grace?: number;
  /** Whether SIGHUP is passed on. */
  hangup: boolean;
  /** Prints a line of a process other than the first. */
  say(line: string): void;
}

const program = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));

/**
 * Runs `sdgan ARGS` in several processes, with the variables that torchrun sets, and returns an exit code: that of process 0
 * if it is not 0, else that of the first process that failed, else 0.
 *
 * The first process writes to this one's output. The error output of the others is passed to `say`, each line with the
 * number of its process. The errors that end them are passed at the end, each cause once. Ctrl-C, SIGTERM and SIGHUP are passed on, each once: the processes are in process groups of their
 * own, so that a terminal does not send Ctrl-C to them too. If this process is killed, their channels to it close, on which
 * trainings save and end, and evaluations end.
 */
export async function launch({
  processes,
  args,
  grace = 15_000,
  hangup,
  say,
}: LaunchOptions): Promise<number> {
  const port = await freePort();
  const children = Array.from({ length: processes }, (_, rank) => start(rank));
  const passOn = (signal: NodeJS.Signals) => {
    for (const child of children) child.kill(signal);
  };
  const kill = () => passOn("SIGKILL");
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", ...(hangup ? (["SIGHUP"] as const) : [])];
  for (const signal of signals) process.on(signal, passOn);
  process.on("exit", kill);
  let timer: NodeJS.Timeout | undefined;
  let failed: number | undefined;
  const errors: (ReportedError | undefined)[] = children.map(() => undefined);
  for (const [rank, child] of children.entries())
    child.on("message", (message) => {
      errors[rank] = asReportedError(message) ?? errors[rank];
    });
  const codes = await Promise.all(
    children.map(async (child) => {
      const code = await codeOf(child);
      if (code !== 0 && timer === undefined) {
        failed = code;
        timer = setTimeout(kill, grace);
      }
      return code;
    }),
  );
  clearTimeout(timer);
  for (const line of linesToPrint(errors)) say(line);
  for (const signal of signals) process.off(signal, passOn);
  process.off("exit", kill);
  return codes[0] || (failed ?? 0);

  function start(rank: number): ChildProcess {
    const env = {
      ...process.env,
      ...{ RANK: String(rank), LOCAL_RANK: String(rank), WORLD_SIZE: String(processes) },
      ...{ MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(port), [launchVariable]: "1" },
    };
    const output = rank === 0 ? "inherit" : ("ignore" as const);
    const errors = rank === 0 ? "inherit" : ("pipe" as const);
    const child = spawn(process.execPath, [program, ...args], {
      ...{ env, detached: true, stdio: ["ignore", output, errors, "ipc"] },
    });
    if (child.stderr) createInterface(child.stderr).on("line", (line) => say(`[process ${rank}] ${line}`));
    return child;
  }
}

/** The exit code of a process, 128 + the signal's number if a signal ended it. */
function codeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

/** A port of this machine that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
