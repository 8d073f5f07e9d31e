/** What happens when one of several processes ends, hangs or is interrupted, and how training goes on. */
import type { ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadSafetensors } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { compile, sdgan, startSdgan, startSdganIn } from "../testing/cli.js";
import { largestDifference, SmallRuns } from "../testing/processes.js";

vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const evaluated = ["evaluate.every=5", "evaluate.images=48"];
let runs: SmallRuns;
beforeAll(async () => {
  compile();
  runs = await SmallRuns.make();
  expect(await runs.train(2, runs.begin("whole", ...evaluated))).toMatchObject({ code: 0 });
});
afterAll(() => runs[Symbol.dispose]());

const linesOf = (name: string) => {
  const file = join(runs.path(name), "metrics.jsonl");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
};

/** Waits until the run has metrics of `steps` steps. */
async function reached(name: string, steps: number, { child }: { child: ChildProcess }): Promise<void> {
  while (child.exitCode === null && linesOf(name) < steps) await sleep(2);
}

/** The process of number `rank` that `--processes` has started. */
function processOf({ child }: { child: ChildProcess }, rank: number): number {
  for (const pid of readdirSync("/proc").map(Number).filter(Number.isInteger)) {
    try {
      const parent = / \(.*\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      if (Number(parent) === child.pid && environment.includes(`RANK=${rank}`)) return pid;
    } catch {
      // It has ended.
    }
  }
  throw new Error(`there is no process ${rank}`);
}

const ended = (variables: Record<string, string>, ...args: string[]) =>
  startSdganIn(variables, ...args).ended;

it.each([1, 0])(
  "when process %i is killed, the other one names it, and the run resumes bit for bit",
  async (killed) => {
    const name = `killed-${killed}`;
    const started = startSdgan(...runs.begin(name, ...evaluated), "--processes", "2");
    await reached(name, 8, started);
    process.kill(processOf(started, killed), "SIGKILL");
    const { code, stderr } = await started.ended;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(new RegExp(`process ${1 - killed}: .*(rank|process) ${killed}`, "i"));
    expect(stderr).toContain("the last checkpoint is kept. Start all processes again with --resume");
    expect(await runs.train(2, runs.resume(name))).toMatchObject({ code: 0 });
    expect(runs.outcome(name)).toEqual(runs.outcome("whole"));
  },
);

it.each([1, 0])(
  "when process %i is killed during an evaluation, the other one names it before the evaluation is over",
  async (killed) => {
    const name = `evaluating-${killed}`;
    const long = ["evaluate.every=1", "evaluate.images=10000"];
    const started = startSdgan(...runs.begin(name, ...long), "--processes", "2");
    await reached(name, 1, started); // Written before the evaluation.
    await sleep(500);
    process.kill(processOf(started, killed), "SIGKILL");
    const { code, stderr } = await started.ended;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(
      new RegExp(`process ${1 - killed}: process ${killed} ended.*, so training stopped`),
    );
    expect(linesOf(name)).toBe(1);
  },
);

// The launcher waits for the hung process before it kills it; the next test is trained meanwhile.
it.concurrent("when a process hangs, the other one names it after the timeout, and all end", async () => {
  const started = startSdganIn({ SDGAN_TIMEOUT: "4" }, ...runs.begin("hung"), "--processes", "2");
  await reached("hung", 6, started);
  process.kill(processOf(started, 1), "SIGSTOP");
  const { code, stderr } = await started.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^sdgan: process 0: process 1 ended, hangs or cannot be reached: \w+ failed \(/m);
});

it.concurrent("a run goes on with another number of processes, with the same data in the same order", async () => {
  const sync = "training.syncBatchNorm=true";
  expect(await runs.train(1, runs.begin("one", sync))).toMatchObject({ code: 0 });
  expect(await runs.train(2, [...runs.begin("changed", sync), "--steps", "10"])).toMatchObject({ code: 0 });
  expect(await runs.train(4, runs.resume("changed"))).toMatchObject({ code: 0 });
  const { difference, at } = largestDifference(runs.metrics("one"), runs.metrics("changed"));
  expect(difference, at).toBeLessThan(1e-5);
  const loaderOf = (name: string) => {
    const file = join(runs.path(name), "checkpoints", "step-0000020.safetensors");
    return (JSON.parse(loadSafetensors(file).metadata.values!) as { loader: unknown }).loader;
  };
  expect(loaderOf("changed")).toEqual(loaderOf("one"));
  expect(loaderOf("changed")).toEqual(loaderOf("whole"));
});

it("Ctrl-C is passed on once: process 0 saves, all end, and the run resumes bit for bit", async () => {
  const started = startSdgan(...runs.begin("interrupted", ...evaluated), "--processes", "2");
  await reached("interrupted", 3, started);
  started.child.kill("SIGINT");
  const { code, stdout, stderr } = await started.ended;
  expect({ code, stderr }).toMatchObject({ code: 130 });
  expect(stdout).toContain("stopped and saved after step");
  expect(stderr).not.toContain("[process 1]");
  expect(await sdgan(...runs.resume("interrupted"), "--processes", "2")).toMatchObject({ code: 0 });
  expect(runs.outcome("interrupted")).toEqual(runs.outcome("whole"));
});

it("refuses a batch that cannot be shared, and trainings that use one process", async () => {
  const batch = await sdgan(...runs.begin("indivisible"), "--processes", "3");
  expect(batch).toMatchObject({ code: 1 });
  expect(batch.stderr).toContain("training.batch is 8, which cannot be shared among 3 processes");
  expect(batch.stderr).toContain("Use --set training.batch=9");
  const damsm = await ended(
    { RANK: "0", WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "9" },
    ...["train", "damsm", "--data", runs.data, "--run", runs.path("refused"), "--config", runs.config],
  );
  expect(damsm).toMatchObject({ code: 2 });
  expect(damsm.stderr).toContain("train damsm uses one process, and the environment describes 2");
  expect(existsSync(runs.path("refused"))).toBe(false);
});

it("a mistake that all processes find is printed once, and the others do not wait for it", async () => {
  const several = ["--processes", "2", "--threads", "2"];
  const lineOf = async (...args: string[]) => {
    const { code, stdout, stderr } = await sdgan(...args, ...several);
    expect({ code, stdout, lines: stderr.trimEnd().split("\n") }).toEqual({
      ...{ code: 1, stdout: "", lines: [expect.stringMatching(/^sdgan: /)] },
    });
    return stderr;
  };
  const nowhere = ["--data", runs.path("nowhere")];
  const [whole, config] = [
    ["--run", runs.path("whole")],
    ["--config", runs.config],
  ];
  expect(await lineOf(...runs.begin("mistaken", "trainign.batch=4"))).toContain("trainign");
  expect(await lineOf("train", "gan", ...nowhere, ...config, "--run", runs.path("unused"))).toContain(
    "is not a prepared folder",
  );
  expect(await lineOf(...runs.begin("whole"))).toContain("already holds a run");
  const from = ["--from", runs.path("whole"), "--set", "trainign.batch=4"];
  expect(await lineOf("train", "gan", "--data", runs.data, "--run", runs.path("unused"), ...from)).toContain(
    "trainign",
  );
  expect(await lineOf("evaluate", ...nowhere, ...whole)).toContain("is not a prepared folder");
  expect(await lineOf("evaluate", "--data", runs.data, "--run", runs.path("unused"))).toContain("unused");
});

it("a fault of one process alone is printed with its number", async () => {
  const program = `
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const { readFileSync } = fs;
    fs.readFileSync = (path, ...options) => {
      if (process.env.RANK === "1" && String(path).endsWith("vocabulary.json"))
        throw Object.assign(new Error("EIO"), { code: "EIO", syscall: "read", path });
      return readFileSync(path, ...options);
    };
    syncBuiltinESMExports();`;
  const evaluate = ["evaluate", "--run", runs.path("whole"), "--data", runs.data, "--images", "48"];
  expect(await sdgan(...evaluate, "--threads", "1", "--train-damsm")).toMatchObject({ code: 0 });
  const { code, stderr } = await ended(
    { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` },
    ...[...evaluate, "--processes", "2", "--threads", "2"],
  );
  expect(code).toBe(1);
  expect(stderr).toMatch(/^\[process 1\] sdgan: .*vocabulary\.json: the disk reports an error \(EIO\)$/m);
  expect(stderr).toMatch(/^sdgan: process 0: process 1 ended.*, so the evaluation stopped/m);
});

it("refuses processes that start in processes, and names a variable that is missing", async () => {
  const place = { RANK: "0", WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "9" };
  const twice = await ended(place, ...runs.begin("twice"), "--processes", "2");
  expect(twice).toMatchObject({ code: 2 });
  expect(twice.stderr).toContain("--processes starts 2 processes, and the environment describes one of 2");
  const lacking = await ended({ RANK: "0" }, ...runs.begin("lacking"));
  expect(lacking).toMatchObject({ code: 1 });
  expect(lacking.stderr).toContain("the environment variable WORLD_SIZE is not set");
});
