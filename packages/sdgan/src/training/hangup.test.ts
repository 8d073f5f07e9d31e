import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { checkpointSteps } from "../artifacts/checkpoints.js";
import { readMetrics } from "../run/metrics.js";
import { compile, sdgan, startSdgan } from "../testing/cli.js";
import { tinyConfig } from "../testing/tiny.js";

let folder: string;
let config: string;
let data: string;
beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-hangup-"));
  config = join(folder, "tiny.yaml");
  data = join(folder, "data");
  writeFileSync(config, tinyConfig.replace("checkpointEvery: 3", "checkpointEvery: 100000"));
  const prepared = ["--species", "20", "--images", "4", "--size", "16"];
  expect((await sdgan("prepare", "birds", "--out", data, ...prepared)).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Tests take half a minute on a machine that is busy with other work.
vi.setConfig({ testTimeout: 180_000 });

const bin = fileURLToPath(new URL("../../bin/sdgan.js", import.meta.url));
const LONG = 1_000_000;

function trainFor(steps: number, run: string): string[] {
  const set = ["--set", `damsm.steps=${steps}`];
  return ["train", "damsm", "--config", config, "--data", data, "--run", join(folder, run), ...set];
}

function metricsOf(run: string): string {
  return join(folder, run, "damsm", "metrics.jsonl");
}

async function stepsTaken(run: string, count: number): Promise<void> {
  const file = metricsOf(run);
  while (!existsSync(file) || readFileSync(file, "utf8").split("\n").length <= count) await sleep(2);
}

/** Checks that the only checkpoint is that of the last step, which is more than the `least`. */
function expectSaved(run: string, least: number): void {
  const last = readMetrics(metricsOf(run)).at(-1)!.step;
  expect(last).toBeGreaterThanOrEqual(least);
  expect(last).toBeLessThan(LONG);
  expect(checkpointSteps(join(folder, run, "damsm", "checkpoints"))).toEqual([last]);
}

it("a closed terminal: SIGHUP, also repeated, saves the interrupted step, although nothing can be printed", async () => {
  const { child, ended } = startSdgan(...trainFor(LONG, "closed"));
  await stepsTaken("closed", 4);
  child.stdout!.destroy();
  child.stderr!.destroy();
  child.kill("SIGHUP");
  child.kill("SIGHUP");
  expect(await ended).toMatchObject({ code: 129, signal: null });
  expectSaved("closed", 4);
});

it("SIGHUP prints the command that continues, if it can", async () => {
  const { child, ended } = startSdgan(...trainFor(LONG, "continued"));
  await stepsTaken("continued", 2);
  child.kill("SIGHUP");
  const { code, stdout, stderr } = await ended;
  expect(code).toBe(129);
  expect(stderr).toContain("Finishing this step and saving");
  expect(stdout).toMatch(/To continue: npx sdgan train damsm .*--resume/);
  expectSaved("continued", 2);
});

it("training continues to its end if its output is lost, without a signal", async () => {
  const { child, ended } = startSdgan(...trainFor(40, "unread"));
  await stepsTaken("unread", 1);
  child.stdout!.destroy();
  child.stderr!.destroy();
  expect(await ended).toMatchObject({ code: 0, signal: null });
  expect(checkpointSteps(join(folder, "unread", "damsm", "checkpoints"))).toEqual([40]);
});

it("a training started with nohup continues when it gets SIGHUP", async () => {
  const env = { ...process.env, OMP_NUM_THREADS: "1", _: "/usr/bin/nohup" };
  const protected_ = spawn(process.execPath, [bin, ...trainFor(LONG, "nohup")], { env, stdio: "ignore" });
  const code = new Promise((resolve) => protected_.on("exit", resolve));
  await stepsTaken("nohup", 2);
  protected_.kill("SIGHUP");
  await stepsTaken("nohup", readMetrics(metricsOf("nohup")).length + 3);
  protected_.kill("SIGTERM");
  expect(await code).toBe(143);
  expectSaved("nohup", 5);
});

it("a training with a channel to its parent saves and ends when the parent is gone", async () => {
  const env = { ...process.env, OMP_NUM_THREADS: "1" };
  const child = spawn(process.execPath, [bin, ...trainFor(LONG, "orphan")], {
    ...{ env, stdio: ["ignore", "ignore", "ignore", "ipc"] },
  });
  const code = new Promise((resolve) => child.on("exit", resolve));
  await stepsTaken("orphan", 2);
  child.disconnect();
  expect(await code).toBe(129);
  expectSaved("orphan", 2);
});
