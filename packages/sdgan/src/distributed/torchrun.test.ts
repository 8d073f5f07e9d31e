/** PyTorch's launcher starts the processes. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile, sdgan } from "../testing/cli.js";
import { SmallRuns } from "../testing/processes.js";
import { freePort } from "./launch.js";

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

/** A Python that has torch, and with it torchrun; undefined if there is none. */
const python = ["python3", "/usr/bin/python3"].find(
  (name) => spawnSync(name, ["-c", "import torch.distributed.run"], { cwd: "/" }).status === 0,
);
const bin = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));

// Without a Python torch there is no torchrun to test with.
describe.skipIf(python === undefined)("torchrun", () => {
  let runs: SmallRuns;
  beforeAll(async () => {
    compile();
    runs = await SmallRuns.make();
  });
  afterAll(() => runs[Symbol.dispose]());

  async function torchrun(options: string[], args: string[]) {
    const port = String(await freePort());
    // torchrun 1.13 on Python 3.11 fails without a rule for some process's output; process 9 does not exist.
    const own = ["--nproc_per_node", "2", "--master_port", port, "--redirects", "9:1", "--tee", "9:1"];
    const child = spawn(
      python!,
      ["-m", "torch.distributed.run", "--no_python", ...own, ...options, process.execPath, bin, ...args],
      { cwd: runs.folder, stdio: ["ignore", "pipe", "pipe"] },
    );
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    return { child, output: () => output, ended };
  }

  it("trains as --processes does, and its restart after a killed process resumes bit for bit", async () => {
    expect(await sdgan(...runs.begin("whole"), "--processes", "2")).toMatchObject({ code: 0 });
    expect(await runs.train(2, [...runs.begin("restarted"), "--steps", "5"])).toMatchObject({ code: 0 });
    const launched = await torchrun(["--max_restarts", "2"], [...runs.resume("restarted"), "--threads", "1"]);
    const metrics = join(runs.path("restarted"), "metrics.jsonl");
    const lines = () => (existsSync(metrics) ? readFileSync(metrics, "utf8").split("\n").length - 1 : 0);
    while (launched.child.exitCode === null && lines() < 8) await sleep(5);
    const workers = spawnSync("ps", ["-o", "pid=", "--ppid", String(launched.child.pid)]).stdout;
    process.kill(Number(String(workers).trim().split(/\s+/).at(-1)), "SIGKILL");
    expect(await launched.ended, launched.output()).toBe(0);
    expect(launched.output()).toContain("Resuming after step");
    expect(launched.output().split("Resuming after step").length - 1).toBe(2);
    expect(runs.outcome("restarted")).toEqual(runs.outcome("whole"));
  });
});
