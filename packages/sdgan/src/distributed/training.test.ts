/** Several processes take the steps of one: `train gan` on drawn birds of 16 pixels, compared by its metrics. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile, sdgan } from "../testing/cli.js";
import { largestDifference, SmallRuns } from "../testing/processes.js";

// Several processes on a machine that is busy with other work.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

let runs: SmallRuns;
beforeAll(async () => {
  compile();
  runs = await SmallRuns.make();
});
afterAll(() => runs[Symbol.dispose]());

/** Trains in several processes and returns the metrics of every step. */
async function metricsOf(name: string, processes: number, ...set: string[]) {
  const ended = await sdgan(...runs.begin(name, ...set), "--processes", String(processes));
  expect(ended).toMatchObject({ code: 0 });
  return runs.metrics(name);
}

/** One process's metrics whose batch normalization is that of several. */
async function ghostMetrics(name: string, processes: number) {
  const program = fileURLToPath(new URL("../../dist/testing/ghost-batches.js", import.meta.url));
  const child = spawn(process.execPath, [program, ...runs.begin(name)], {
    env: { ...process.env, OMP_NUM_THREADS: "1", GHOSTS: `${processes} 8` },
    stdio: ["ignore", "ignore", "inherit"],
  });
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  return runs.metrics(name);
}

const equal = { difference: expect.closeTo(0, 5) };
const synchronized = "training.syncBatchNorm=true";

describe("with synchronized batch normalization", () => {
  it("two and four processes take the steps of one", async () => {
    const one = await metricsOf("one", 1);
    expect(one).toHaveLength(20);
    for (const processes of [2, 4]) {
      const several = await metricsOf(`sync-${processes}`, processes, synchronized);
      expect(largestDifference(one, several)).toMatchObject(equal);
    }
  });

  it("two processes take the steps of one with every option that looks across the batch", async () => {
    const everything = [
      ...["contrastive.loss=infoNce", "penalty.kind=r1", "penalty.every=3", "log.gradients=true"],
      ...["augment.policy=[color,translation,cutout]", "augment.target=0.6", "augment.images=1000"],
    ];
    const one = await metricsOf("one-everything", 1, ...everything);
    const two = await metricsOf("sync-everything", 2, synchronized, ...everything);
    expect(largestDifference(one, two)).toMatchObject(equal);
  });

  it("two processes take the steps of one without Siamese branches", async () => {
    const one = await metricsOf("one-single", 1, "siamese.enabled=false");
    const two = await metricsOf("sync-single", 2, "siamese.enabled=false", synchronized);
    expect(largestDifference(one, two)).toMatchObject(equal);
  });
});

describe("with each process's own batch normalization", () => {
  it.each([2, 4])("%i processes take the steps of one process with ghost batches", async (processes) => {
    const ghosts = await ghostMetrics(`ghosts-${processes}`, processes);
    const several = await metricsOf(`own-${processes}`, processes);
    expect(largestDifference(ghosts, several)).toMatchObject(equal);
    expect(largestDifference(runs.metrics("one"), several).difference).toBeGreaterThan(1e-3);
  });
});
