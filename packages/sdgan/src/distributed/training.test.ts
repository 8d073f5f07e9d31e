/** Several processes take the steps of one: `train gan` on drawn birds of 16 pixels, compared by its metrics. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setThreads } from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { damsmPath } from "../artifacts/damsm.js";
import { openDamsm } from "../artifacts/damsm-of-run.js";
import { startComputing } from "../compute/compute.js";
import { openPrepared } from "../data/prepared.js";
import { makeEvaluator } from "../evaluation/during-training.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { openRun } from "../run/run-folder.js";
import { compile, sdgan } from "../testing/cli.js";
import { CommandHost } from "../testing/command-host.js";
import { largestDifference, type Metrics, SmallRuns } from "../testing/processes.js";

// Several processes on a machine that is busy with other work.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

/** One process whose batch normalization is that of several. */
const ghosts = new CommandHost(new URL("../../dist/testing/ghost-batches.js", import.meta.url).href);
let runs: SmallRuns;
beforeAll(async () => {
  compile();
  runs = await SmallRuns.make();
});
afterAll(() => {
  ghosts[Symbol.dispose]();
  runs[Symbol.dispose]();
});

/** Trains in several processes and returns the metrics of every step. */
async function metricsOf(name: string, processes: number, ...set: string[]) {
  expect(await runs.train(processes, runs.begin(name, ...set))).toMatchObject({ code: 0 });
  return runs.metrics(name);
}

async function ghostMetrics(name: string, processes: number) {
  const ended = await ghosts.sdganIn({ GHOSTS: `${processes} 8` }, ...runs.begin(name));
  expect(ended).toMatchObject({ code: 0 });
  return runs.metrics(name);
}

/** Compares all losses and statistics of all steps, relative to 1 or to the value, if that is larger. */
function expectSameSteps(a: Metrics[], b: Metrics[]): void {
  const { difference, at } = largestDifference(a, b);
  expect(difference, at).toBeLessThan(1e-5);
}
const synchronized = "training.syncBatchNorm=true";

describe("with synchronized batch normalization", () => {
  it("two and four processes take the steps of one", async () => {
    const one = await metricsOf("one", 1);
    expect(one).toHaveLength(20);
    for (const processes of [2, 4]) {
      const several = await metricsOf(`sync-${processes}`, processes, synchronized);
      expectSameSteps(one, several);
    }
  });

  it("two processes take the steps of one with every option that looks across the batch", async () => {
    const everything = [
      ...["training.steps=8", "training.changedWords=0.7"],
      ...["contrastive.loss=infoNce", "penalty.kind=r1", "penalty.every=3", "log.gradients=true"],
      ...["augment.policy=[color,translation,cutout]", "augment.target=0.1", "augment.images=500"],
    ];
    const one = await metricsOf("one-everything", 1, ...everything);
    const two = await metricsOf("sync-everything", 2, synchronized, ...everything);
    expectSameSteps(one, two);
  });

  it("two processes take the steps of one without Siamese branches", async () => {
    const one = await metricsOf("one-single", 1, "siamese.enabled=false", "training.steps=8");
    const two = await metricsOf("sync-single", 2, "siamese.enabled=false", "training.steps=8", synchronized);
    expectSameSteps(one, two);
  });
});

describe("with each process's own batch normalization", () => {
  it.each([2, 4])("%i processes take the steps of one process with ghost batches", async (processes) => {
    const one = await ghostMetrics(`ghosts-${processes}`, processes);
    const several = await metricsOf(`own-${processes}`, processes);
    expectSameSteps(one, several);
    expect(largestDifference(runs.metrics("one"), several).difference).toBeGreaterThan(1e-3);
  });
});

describe("evaluations by several processes", () => {
  const [run, device] = ["evaluated", "cpu"] as const;
  const twoOfOneThread = ["--processes", "2", "--threads", "2"];
  const isFigures = (line: Metrics) => "damsm/frechetDistance" in line;
  const begin = (name: string, ...set: string[]) =>
    sdgan(...runs.begin(name, "training.steps=8", ...set), ...twoOfOneThread);
  beforeAll(async () => {
    expect(await begin(run, "evaluate.every=4", "evaluate.images=112")).toMatchObject({ code: 0 });
  });

  it("have the figures of one process with the same weights, bit for bit", async () => {
    setThreads(1);
    const data = openPrepared(runs.data);
    const { config } = openRun(runs.path(run));
    const compute = startComputing("float32", device);
    const damsm = { damsm: openDamsm(runs.path(run), config, data), damsmFile: damsmPath(runs.path(run)) };
    const evaluator = makeEvaluator(runs.path(run), { config, data, ...damsm, compute })!;
    const { networks } = new ImageGenerator(runs.path(run), { device });
    const figures = await evaluator.measure(networks);
    data.close();
    expect(runs.metrics(run).filter(isFigures).at(-1)).toEqual({ step: 8, ...figures });
    expect(Object.values(figures).every(Number.isFinite)).toBe(true);
  });

  it("change nothing of the training", async () => {
    expect(await begin("unevaluated")).toMatchObject({ code: 0 });
    expect(runs.metrics(run).filter((line) => !isFigures(line))).toEqual(runs.metrics("unevaluated"));
    const modelOf = (name: string) => readFileSync(join(runs.path(name), "model.safetensors"), "base64");
    expect(modelOf(run)).toBe(modelOf("unevaluated"));
  });

  it("after training: sdgan evaluate --processes writes the figures of one process", async () => {
    const evaluate = (...more: string[]) =>
      sdgan("evaluate", "--run", runs.path(run), "--data", runs.data, "--images", "200", ...more);
    const result = () => readFileSync(join(runs.path(run), "evaluation.json"), "utf8");
    expect(await evaluate("--threads", "1", "--train-damsm")).toMatchObject({ code: 0 });
    const one = result();
    rmSync(join(runs.path(run), "evaluation.json"));
    expect(await evaluate(...twoOfOneThread)).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining("[process 1]"),
    });
    expect(result()).toBe(one);
  });
});
