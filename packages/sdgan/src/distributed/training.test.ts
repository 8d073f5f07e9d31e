/** Several processes take the steps of one: `train gan` on drawn birds of 16 pixels, compared by its metrics. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile, sdgan } from "../testing/cli.js";
import { tinyConfig } from "../testing/tiny.js";

// Several processes on a machine that is busy with other work.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 });

const steps = 20;
let folder: string;
let config: string;
let data: string;

beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-processes-"));
  [config, data] = [join(folder, "tiny.yaml"), join(folder, "data")];
  writeFileSync(
    config,
    tinyConfig
      .replace("training: { batch: 4, steps: 8", `training: { batch: 8, steps: ${steps}`)
      .replace("sampleEvery: 5, checkpointEvery: 3", "sampleEvery: 50, checkpointEvery: 10"),
  );
  const birds = ["prepare", "birds", "--species", "20", "--images", "4", "--size", "16", "--out", data];
  expect((await sdgan(...birds)).code).toBe(0);
  const damsm = ["train", "damsm", "--data", data, "--run", join(folder, "damsm"), "--config", config];
  expect((await sdgan(...damsm)).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function begin(name: string, ...set: string[]): string[] {
  const run = join(folder, name);
  cpSync(join(folder, "damsm", "damsm"), join(run, "damsm"), { recursive: true });
  const options = ["--data", data, "--run", run, "--config", config];
  return ["train", "gan", ...options, ...set.flatMap((one) => ["--set", one])];
}

/** Trains in `processes` processes and returns the metrics of every step. */
async function metricsOf(name: string, processes: number, ...set: string[]): Promise<Metrics[]> {
  const ended = await sdgan(...begin(name, ...set), "--processes", String(processes));
  expect(ended).toMatchObject({ code: 0 });
  return readMetrics(name);
}

type Metrics = Record<string, number>;

function readMetrics(name: string): Metrics[] {
  const lines = readFileSync(join(folder, name, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Metrics);
}

/** The largest difference between two runs' metrics, relative to 1 or to the metric, if that is larger. */
function largestDifference(a: Metrics[], b: Metrics[]): { difference: number; at: string } {
  expect(a).toHaveLength(b.length);
  let largest = { difference: 0, at: "" };
  for (const [i, line] of a.entries()) {
    expect(Object.keys(line)).toEqual(Object.keys(b[i]!));
    for (const [name, value] of Object.entries(line)) {
      const difference = Math.abs(value - b[i]![name]!) / Math.max(1, Math.abs(value));
      if (difference > largest.difference) largest = { difference, at: `${name} in line ${i + 1}` };
    }
  }
  return largest;
}

/** Everything that compares members of a batch, or draws random numbers for them. */
const everything = [
  "contrastive.loss=infoNce",
  "augment.policy=[color,translation,cutout]",
  "augment.target=0.6",
  "penalty.kind=r1",
  "penalty.every=3",
  "log.gradients=true",
  "training.average=0.9",
];

describe("with synchronized batch normalization", () => {
  it.each([2, 4])("%i processes take the steps of one", async (processes) => {
    const one = await metricsOf(`one-${processes}`, 1);
    const several = await metricsOf(`sync-${processes}`, processes, "training.syncBatchNorm=true");
    expect(one).toHaveLength(steps);
    expect(largestDifference(one, several)).toMatchObject({ difference: expect.closeTo(0, 5) });
  });

  it("two processes take the steps of one with every option that looks across the batch", async () => {
    const one = await metricsOf("one-everything", 1, ...everything);
    const two = await metricsOf("sync-everything", 2, "training.syncBatchNorm=true", ...everything);
    expect(largestDifference(one, two)).toMatchObject({ difference: expect.closeTo(0, 5) });
  });

  it("two processes take the steps of one without Siamese branches", async () => {
    const one = await metricsOf("one-single", 1, "siamese.enabled=false");
    const two = await metricsOf("sync-single", 2, "siamese.enabled=false", "training.syncBatchNorm=true");
    expect(largestDifference(one, two)).toMatchObject({ difference: expect.closeTo(0, 5) });
  });
});

describe("with each process's own batch normalization", () => {
  it.each([2, 4])("%i processes take the steps of one process with ghost batches", async (processes) => {
    const ghosts = await ghostMetrics(`ghosts-${processes}`, `${processes} 8`);
    const several = await metricsOf(`own-${processes}`, processes);
    expect(largestDifference(ghosts, several)).toMatchObject({ difference: expect.closeTo(0, 5) });
    const one = await metricsOf(`whole-${processes}`, 1);
    expect(largestDifference(one, several).difference).toBeGreaterThan(1e-3);
  });
});

/** One process's metrics whose batch normalization is that of several. */
async function ghostMetrics(name: string, ghosts: string): Promise<Metrics[]> {
  const program = fileURLToPath(new URL("../../dist/testing/ghost-batches.js", import.meta.url));
  const child = spawn(process.execPath, [program, ...begin(name)], {
    env: { ...process.env, OMP_NUM_THREADS: "1", GHOSTS: ghosts },
    stdio: ["ignore", "ignore", "inherit"],
  });
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  return readMetrics(name);
}
