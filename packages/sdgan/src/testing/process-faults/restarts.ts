/** PyTorch's torchrun starts two processes; one is killed, and torchrun starts both again. */
import { spawn, spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../distributed/launch.js";
import { type FaultRuns, stepsOfRun } from "./fault-runs.js";
import { type FaultOptions, randomNumbers } from "./kills.js";
import { bin, codesWithin, lastLine, startPlaced } from "./placed.js";

/** @returns the number of failures; undefined if there is no torchrun, which `say` has explained */
export async function restartByTorchrun(
  runs: FaultRuns,
  { times, seed, timeout, say }: FaultOptions,
): Promise<number | undefined> {
  const python = pythonWithTorch();
  if (!python) {
    say("- skipped: no Python with torch.distributed.run (Debian: apt-get install -y python3-torch)");
    return undefined;
  }
  const random = randomNumbers(seed);
  const place = { worldSize: 2, timeout };
  const { step, hash } = await runs.undisturbed(place);
  let failures = 0;
  for (let i = 1; i <= times; i++) {
    const name = `torchrun-${i}`;
    // A run must have begun before it is resumed.
    const first = startPlaced([...runs.begin(name), "--steps", "1"], { ...place, port: await freePort() });
    await codesWithin(first, 300);
    const launched = torchrun(python, String(await freePort()), [...runs.goOn(name), "--threads", "1"], {
      cwd: runs.folder,
      timeout,
    });
    const after = 2 + Math.floor(random() * (stepsOfRun - 2));
    while (launched.child.exitCode === null && runs.stepsOf(name) < after) await sleep(2);
    await sleep(1000 * random() * step);
    const workers = workersOf(launched.child.pid!);
    const victim = Math.floor(random() * workers.length);
    if (workers.length > 0) spawnSync("kill", ["-KILL", String(workers[victim])]);
    const reached = runs.stepsOf(name);
    const code = await launched.ended;
    const starts = launched.output().split("Resuming after step").length - 1;
    const wanted = workers.length > 0 ? 2 : 1;
    const found = runs.hash(name);
    const fault =
      code !== 0
        ? `torchrun ended with code ${code}: ${lastLine(launched.output())}`
        : starts !== wanted
          ? `started ${starts} times, expected ${wanted}`
          : found !== hash && `resumed to other bytes: ${found}, expected ${hash}`;
    if (fault) failures += 1;
    say(
      `${fault ? "✗" : "✓"} ${i}: worker ${victim} of torchrun killed after step ${reached}: ` +
        (fault || "both started again, and resumed to the same bytes"),
    );
  }
  return failures;
}

function pythonWithTorch(): string | undefined {
  return ["/usr/bin/python3", "python3"].find(
    (name) => spawnSync(name, ["-c", "import torch.distributed.run"], { cwd: "/" }).status === 0,
  );
}

function torchrun(
  python: string,
  port: string,
  args: readonly string[],
  { cwd, timeout }: { cwd: string; timeout: number },
) {
  const options = ["--no_python", "--nproc_per_node", "2", "--master_port", port, "--max_restarts", "1"];
  // torchrun 1.13 on Python 3.11 fails without a rule for some process's output; process 9 does not exist.
  options.push("--monitor_interval", "1", "--redirects", "9:1", "--tee", "9:1");
  const child = spawn(python, ["-m", "torch.distributed.run", ...options, process.execPath, bin, ...args], {
    ...{ cwd, stdio: ["ignore", "pipe", "pipe"] },
    env: { ...process.env, OMP_NUM_THREADS: "1", SDGAN_TIMEOUT: String(timeout) },
  });
  let output = "";
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, output: () => output, ended };
}

/** Process ids of torchrun's workers. */
function workersOf(launcher: number): number[] {
  const { stdout } = spawnSync("ps", ["-o", "pid=,args=", "--ppid", String(launcher)], { encoding: "utf8" });
  const lines = stdout.split("\n").filter((line) => line.includes(bin));
  return lines.map((line) => Number.parseInt(line, 10));
}
