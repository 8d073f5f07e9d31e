import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import {
  manualSeed,
  noGrad,
  Generator as RandomStream,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "@sdgan/torch";
import { simulateCuda } from "@sdgan/torch/testing";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointSteps, type TrainingState } from "../artifacts/checkpoints.js";
import type { Device } from "../compute/device.js";
import { loadConfig } from "../config/load.js";
import { readMetrics } from "../run/metrics.js";
import { type ActiveRun, resumeRun, startRun } from "../run/run-folder.js";
import { readEvents, scalarsOf } from "../testing/events.js";
import { type LoopOptions, trainingLoop } from "./loop.js";
import type { StepMetrics } from "./step-metrics.js";
import type { EvaluationSchedule, TrainingTask } from "./training-task.js";

let folder: string;
const config: Config = loadConfig("birds-64");
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-loop-"));
  manualSeed(0);
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A random walk. Its state is its place and the state of the default random stream. */
class Walk implements TrainingTask {
  steps = 0;
  device: Device = "cpu";
  published = 0;
  readonly place = zeros([2]);
  evaluation: EvaluationSchedule | undefined;
  /** Side effect of a step. */
  accident: (step: number) => number | undefined = () => undefined;

  step(): StepMetrics {
    this.steps += 1;
    noGrad(() => this.place.add_(randn([2])));
    const accident = this.accident(this.steps);
    const loss = accident === undefined ? this.place.sum() : tensor(accident);
    return { losses: { loss }, statistics: {} };
  }

  state(): TrainingState {
    const tensors = new Map<string, Tensor>([
      ["place", this.place],
      ["random", RandomStream.default().state],
    ]);
    return { tensors, values: { steps: this.steps } };
  }

  restore({ tensors, values }: TrainingState): void {
    this.place.copy_(tensors.get("place")!);
    RandomStream.default().state = tensors.get("random")!;
    this.steps = values.steps as number;
  }

  publish(): void {
    this.published = this.steps;
  }

  /** Uses the default random stream, as a careless implementation would. */
  async sample(): Promise<Buffer> {
    randn([7]);
    return await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
      .png()
      .toBuffer();
  }
}

function train(walk: Walk, run: ActiveRun, options: Partial<LoopOptions> = {}): Promise<number> {
  return trainingLoop(walk, {
    ...{ run, resume: false, steps: 10, logEvery: 1, sampleEvery: 4, checkpointEvery: 3, keep: 2 },
    ...options,
  });
}

async function walked(name: string, options: Partial<LoopOptions>): Promise<string> {
  manualSeed(0);
  using run = startRun(join(folder, name), config, "");
  await train(new Walk(), run, options);
  return readFileSync(run.metrics, "utf8");
}

it("writes metrics, samples and the newest checkpoints, and ends with all of them", async () => {
  using run = startRun(join(folder, "run"), config, "");
  const walk = new Walk();
  expect(await train(walk, run)).toBe(10);
  expect(readMetrics(run.metrics).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(readdirSync(run.samples)).toEqual(["step-0000004.png", "step-0000008.png", "step-0000010.png"]);
  expect(readdirSync(run.checkpoints)).toEqual(["step-0000009.safetensors", "step-0000010.safetensors"]);
  expect(walk.published).toBe(10);
});

it("writes a checkpoint after the given minutes too, and keeps the newest of both kinds", async () => {
  using run = startRun(join(folder, "run"), config, "");
  let time = 5_000_000;
  const seen: string[] = [];
  const onStep = (step: number) => {
    seen.push(`${step}: ${checkpointSteps(run.checkpoints)}`);
  };
  const walk = new Walk();
  walk.accident = () => {
    time += 4 * 60_000;
    return undefined;
  };
  await train(walk, run, {
    ...{ steps: 12, checkpointEvery: 7, checkpointMinutes: 10, now: () => time, onStep },
  });
  // Minutes 12 and 24 at steps 3 and 6; step 7 restarts the count.
  expect(seen).toEqual([
    ...["1: ", "2: ", "3: ", "4: 3", "5: 3", "6: 3", "7: 3,6", "8: 6,7", "9: 6,7", "10: 6,7"],
    ...["11: 7,10", "12: 7,10"],
  ]);
  expect(checkpointSteps(run.checkpoints)).toEqual([10, 12]);
});

it("checkpoints by time do not change a run, and a run killed after one has the same result", async () => {
  const whole = await walked("whole", { logEvery: 2 });
  let time = 0;
  const now = () => {
    time += 60_000;
    return time;
  };
  expect(await walked("often", { logEvery: 2, checkpointMinutes: 0.01, now })).toBe(whole);
  const path = join(folder, "killed");
  {
    manualSeed(0);
    using run = startRun(path, config, "");
    const walk = new Walk();
    walk.accident = (step) => (step === 9 ? Number.NaN : undefined);
    const often = { logEvery: 2, checkpointEvery: 1000, checkpointMinutes: 0.01, now };
    await expect(train(walk, run, often)).rejects.toThrow("the checkpoint of step 8 is kept");
  }
  rmSync(join(path, "checkpoints", "step-0000008.safetensors"));
  manualSeed(99);
  using run = resumeRun(path);
  await train(new Walk(), run, { resume: true, logEvery: 2 });
  expect(readFileSync(run.metrics, "utf8")).toBe(whole);
});

it("0 minutes are none", async () => {
  using run = startRun(join(folder, "run"), config, "");
  let time = 0;
  const now = () => {
    time += 1e9;
    return time;
  };
  const seen: number[][] = [];
  const onStep = () => void seen.push(checkpointSteps(run.checkpoints));
  await train(new Walk(), run, { steps: 3, checkpointEvery: 1000, checkpointMinutes: 0, now, onStep });
  expect(seen).toEqual([[], [], []]);
});

it("samples do not change a run", async () => {
  expect(await walked("often", { sampleEvery: 1 })).toBe(await walked("seldom", { sampleEvery: 1000 }));
});

it("a run stopped after any step and resumed has the same result", async () => {
  const whole = await walked("whole", {});
  for (const steps of [1, 3, 8]) {
    manualSeed(0);
    const path = join(folder, `stopped-${steps}`);
    {
      using run = startRun(path, config, "");
      const controller = new AbortController();
      const onStep = (step: number) => step === steps && controller.abort();
      expect(await train(new Walk(), run, { signal: controller.signal, onStep })).toBe(steps);
    }
    manualSeed(99);
    using run = resumeRun(path);
    let begun = -1;
    const onBegin = (step: number) => {
      begun = step;
    };
    expect(await train(new Walk(), run, { resume: true, onBegin })).toBe(10);
    expect(begun).toBe(steps);
    expect(readFileSync(run.metrics, "utf8")).toBe(whole);
  }
});

it("a resumed run publishes its checkpoint, even if no step is left", async () => {
  const path = join(folder, "run");
  {
    using run = startRun(path, config, "");
    await train(new Walk(), run);
  }
  using run = resumeRun(path);
  const walk = new Walk();
  await train(walk, run, { resume: true });
  expect(walk.published).toBe(10);
});

it("stops training if a loss is not finite, and keeps the last good checkpoint", async () => {
  using run = startRun(join(folder, "run"), config, "");
  const walk = new Walk();
  walk.accident = (step) => (step === 8 ? Number.NaN : undefined);
  const stopped = train(walk, run);
  await expect(stopped).rejects.toThrow(UserError);
  await expect(stopped).rejects.toThrow(
    "step 8: the loss loss is NaN, so training stopped; the checkpoint of step 6",
  );
  expect(readdirSync(run.checkpoints)).toEqual(["step-0000003.safetensors", "step-0000006.safetensors"]);
  expect(walk.published).toBe(6);
});

it("on a GPU, reads losses only when they are logged and before a checkpoint", async () => {
  using _ = simulateCuda();
  using run = startRun(join(folder, "run"), config, "");
  const walk = new Walk();
  walk.device = "cuda";
  walk.accident = (step) => (step < 5 ? step : Number.NaN);
  const seen: unknown[] = [];
  const onStep = (_: number, losses: Record<string, number>) => void seen.push(losses.loss);
  const stopped = train(walk, run, { logEvery: 4, onStep });
  await expect(stopped).rejects.toThrow("step 6: the loss loss is NaN");
  expect(seen).toEqual([undefined, undefined, 3, 4, 4]);
  expect(readMetrics(run.metrics)).toEqual([{ step: 4, loss: 4 }]);
});

it("on a GPU, reads losses before a checkpoint by time too", async () => {
  using _ = simulateCuda();
  using run = startRun(join(folder, "run"), config, "");
  const walk = new Walk();
  walk.device = "cuda";
  let time = 0;
  walk.accident = (step) => {
    time += 60_000;
    return step < 5 ? step : Number.NaN;
  };
  const rare = { logEvery: 1000, checkpointEvery: 1000, checkpointMinutes: 3, now: () => time };
  await expect(train(walk, run, rare)).rejects.toThrow("step 6: the loss loss is NaN");
  expect(checkpointSteps(run.checkpoints)).toEqual([3]);
});

it("writes no checkpoint of weights that are not finite, whatever the losses", async () => {
  using run = startRun(join(folder, "run"), config, "");
  const walk = new Walk();
  walk.accident = (step) => {
    if (step === 6) walk.place.copy_(tensor([1, Number.POSITIVE_INFINITY]));
    return 1;
  };
  await expect(train(walk, run)).rejects.toThrow("step 6: place is no longer finite");
  expect(readdirSync(run.checkpoints)).toEqual(["step-0000003.safetensors"]);
  expect(walk.published).toBe(3);
});

it("refuses a file that is not a checkpoint, and names it", async () => {
  const path = join(folder, "run");
  {
    using run = startRun(path, config, "");
    await train(new Walk(), run, { steps: 3 });
  }
  using run = resumeRun(path);
  const newest = join(run.checkpoints, "step-0000005.safetensors");
  for (const bytes of [
    "",
    "not a checkpoint at all",
    readFileSync(join(run.checkpoints, "step-0000003.safetensors")).subarray(0, -4),
  ]) {
    writeFileSync(newest, bytes);
    const refused = train(new Walk(), run, { resume: true });
    await expect(refused).rejects.toThrow(UserError);
    await expect(refused).rejects.toThrow(`${newest} is not a safetensors file`);
    await expect(refused).rejects.toThrow("remove it to continue from step 3");
  }
  expect(existsSync(newest)).toBe(true);
});

describe("evaluations", () => {
  /** Figures by step, with an evaluation that uses the default random stream, as a careless one would. */
  function evaluated(walk: Walk, values: Record<number, number>, every = 2): Walk {
    const measure = () => ({ score: values[walk.steps]! + 0 * randn([1]).item(), other: walk.steps });
    walk.evaluation = { every, measure, best: "score", better: "higher" };
    return walk;
  }
  const values = { 2: 0.3, 4: 0.7, 6: Number.NaN, 8: 0.7, 10: 0.5 };

  it("are separate lines and points of TensorBoard's curves, and do not change a run", async () => {
    const plain = await walked("plain", {});
    manualSeed(0);
    using run = startRun(join(folder, "run"), config, "");
    await train(evaluated(new Walk(), values), run);
    const lines = readFileSync(run.metrics, "utf8").trimEnd().split("\n");
    const figures = lines.filter((line) => line.includes("score"));
    expect(lines.filter((line) => !line.includes("score")).join("\n")).toBe(plain.trimEnd());
    expect(figures[0]).toBe('{"step":2,"score":0.3,"other":2}');
    expect(figures[2]).toBe('{"step":6,"score":null,"other":6}');
    const [file] = readdirSync(run.path).filter((name) => name.includes("tfevents"));
    const points = readEvents(join(run.path, file!)).flatMap((event) => {
      const scalars = scalarsOf(event);
      return "score" in scalars ? [[event[2]![0], scalars.other]] : [];
    });
    expect(points).toEqual([2, 4, 6, 8, 10].map((step) => [step, step]));
  });

  it("the best checkpoint is kept in addition to the newest, also if the run is stopped and resumed", async () => {
    const expected = [4, 9, 10].map((step) => `step-${String(step).padStart(7, "0")}.safetensors`);
    for (const stops of [[10], [5, 7, 10], [4, 10], [1, 2, 3, 9, 10]]) {
      const path = join(folder, `run-${stops}`);
      for (const [i, steps] of stops.entries()) {
        using run = i === 0 ? startRun(path, config, "") : resumeRun(path);
        await train(evaluated(new Walk(), values), run, { steps, resume: i > 0 });
      }
      const kept = readdirSync(join(path, "checkpoints"));
      expect([stops, kept]).toEqual([stops, expected]);
    }
  });

  it("end training when patience is exceeded, also if the run is stopped and resumed", async () => {
    const patient = (patience: number) => {
      const walk = evaluated(new Walk(), values);
      walk.evaluation = { ...walk.evaluation!, patience };
      return walk;
    };
    // The best figure is that of step 4; step 6 has none, and step 8 is no better.
    for (const [patience, end] of [
      [0, 10],
      [1, 6],
      [2, 8],
      [4, 10],
    ] as const) {
      for (const stops of [[10], [5, 10], [4, 6, 7, 10]]) {
        const path = join(folder, `run-${patience}-${stops}`);
        const ended: unknown[] = [];
        const onEarlyStop = (best: unknown) => ended.push(best);
        let step = 0;
        for (const [i, steps] of stops.entries()) {
          using run = i === 0 ? startRun(path, config, "") : resumeRun(path);
          step = await train(patient(patience), run, { steps, resume: i > 0, onEarlyStop });
        }
        expect([patience, stops, step]).toEqual([patience, stops, end]);
        expect(ended.at(-1)).toEqual(end < 10 ? { step: 4, name: "score" } : undefined);
        expect(readdirSync(join(path, "checkpoints"))).toContain(
          `step-${String(end).padStart(7, "0")}.safetensors`,
        );
      }
    }
  });

  it("end training if no figure was ever finite", async () => {
    using run = startRun(join(folder, "run"), config, "");
    const walk = evaluated(new Walk(), { 2: Number.NaN, 4: Number.NaN, 6: Number.NaN });
    walk.evaluation = { ...walk.evaluation!, patience: 2 };
    const ended: unknown[] = [];
    expect(await train(walk, run, { onEarlyStop: (best) => ended.push(best) })).toBe(4);
    expect(ended).toEqual([{ step: 0, name: "score" }]);
  });

  it("cause warnings by their figures", async () => {
    using run = startRun(join(folder, "run"), config, "");
    const walk = new Walk();
    walk.evaluation = {
      every: 3,
      measure: () => ({ "attributeClassifier/variety": 0.01 }),
      best: "x",
      better: "lower",
    };
    const warnings: string[] = [];
    await train(walk, run, { onWarning: (line) => warnings.push(line) });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^step 3: attributeClassifier\/variety is 0\.010/);
  });
});
