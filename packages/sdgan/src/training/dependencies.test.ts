/** The dependencies of a run: recorded when it begins and in its files, and checked when it is resumed. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import { loadSafetensors, scope } from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { makeEvaluator } from "../evaluation/during-training.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { readMetrics } from "../run/metrics.js";
import { tinyConfig } from "../testing/tiny.js";
import { sha256Of } from "../util/sha256.js";
import { type Training, train } from "./train.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const prepared = (name: string, { seed = 0, val = 0.05 } = {}) =>
  prepare(birds({ species: 20, imagesPerSpecies: 4, size: 16, seed }), { out: at(name), size: 16, val });
const config = (...set: string[]): Config => loadConfig(at("tiny.yaml"), ["data.workers=0", ...set]);
const begin = (training: Training, run: string, ...set: string[]) =>
  train(training, { data: at("data"), run: at(run), config: config(...set), steps: 3, device: "cpu" });
const resume = (run: string, { data = "data", training = "gan" as Training } = {}) =>
  train(training, { data: at(data), run: at(run), config: "resume", steps: 4, device: "cpu" });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-dependencies-"));
  writeFileSync(at("tiny.yaml"), tinyConfig);
  await prepared("data");
  for (const training of ["damsm", "gan"] as const) await begin(training, "run");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("begins a run with the licences of the data, if it has any", async () => {
  expect(existsSync(at("run", "LICENSES.txt"))).toBe(false);
  cpSync(at("data"), at("licensed"), { recursive: true });
  writeFileSync(at("licensed", "LICENSES.txt"), "by somebody");
  await train("damsm", {
    data: at("licensed"),
    run: at("of-licensed"),
    config: config(),
    steps: 1,
    device: "cpu",
  });
  expect(readFileSync(at("of-licensed", "damsm", "LICENSES.txt"), "utf8")).toBe("by somebody");
});

it("writes source and licences of the data into the model, also after a resume, and nothing without licences", async () => {
  const licence = {
    ...{ of: "images" as const, title: "Birds", author: "A designer", license: "CC-BY-4.0" },
    ...{ url: "https://example.org/license", package: "birds@1.0.0" },
  };
  const source = { ...birds({ species: 20, imagesPerSpecies: 4, size: 16 }), licences: [licence] };
  await prepare({ ...source, name: "licensed birds" }, { out: at("with-licences"), size: 16 });
  const options = {
    data: at("with-licences"),
    run: at("licensed-run"),
    config: config(),
    device: "cpu",
  } as const;
  await train("damsm", { ...options, steps: 1 });
  await train("gan", { ...options, steps: 1 });
  const expected = { dataSource: "licensed birds", dataLicences: JSON.stringify([licence]) };
  expect(metadata("licensed-run", "model.safetensors")).toMatchObject({ step: "1", ...expected });
  await train("gan", { ...options, config: "resume", steps: 2 });
  expect(metadata("licensed-run", "model.safetensors")).toMatchObject({ step: "2", ...expected });
  expect(new ImageGenerator(at("licensed-run"), { device: "cpu" }).checkpoint.hashes).toEqual({
    ...{ data: expect.stringMatching(/^[0-9a-f]{64}$/), damsm: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(Object.keys(metadata("run", "model.safetensors")).sort()).toEqual(["damsm", "data", "step"]);
});

/** A copy of the run, to be modified. */
function copy(name: string): string {
  cpSync(at("run"), at(name), { recursive: true });
  return name;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

const record = (...names: string[]) => JSON.parse(readFileSync(at(...names, "dependencies.json"), "utf8"));
const metadata = (...names: string[]) => scope(() => loadSafetensors(at(...names)).metadata);

it("data and DAMSM are recorded in dependencies.json, the checkpoints and the model", () => {
  const data = { sha256: sha256Of(at("data", "index.json")), folder: at("data") };
  const damsm = {
    sha256: sha256Of(at("run", "damsm", "damsm.safetensors")),
    file: join("damsm", "damsm.safetensors"),
  };
  expect(record("run")).toEqual({ data, damsm });
  expect(record("run", "damsm")).toEqual({ data });
  const hashes = { data: data.sha256, damsm: damsm.sha256 };
  expect(metadata("run", "model.safetensors")).toEqual({ step: "3", ...hashes });
  expect(metadata("run", "checkpoints", "step-0000003.safetensors")).toMatchObject(hashes);
  expect(metadata("run", "damsm", "damsm.safetensors")).toEqual({ data: data.sha256 });
  expect(metadata("run", "damsm", "checkpoints", "step-0000003.safetensors")).toMatchObject({
    data: data.sha256,
  });
});

describe("a run is resumed", () => {
  it("with data that was moved or prepared again in the same way", async () => {
    await prepared("again");
    renameSync(at("data"), at("moved"));
    try {
      expect(await resume(copy("with-moved"), { data: "moved" })).toMatchObject({ step: 4 });
      expect(await resume(copy("with-again"), { data: "again" })).toMatchObject({ step: 4 });
    } finally {
      renameSync(at("moved"), at("data"));
    }
    const model = (run: string) => readFileSync(at(run, "model.safetensors"));
    expect(model("with-moved").equals(model("with-again"))).toBe(true);
    expect(record("with-moved").data.folder).toBe(at("data"));
  });

  it("not with data that was prepared differently", async () => {
    await prepared("data-of-seed-1", { seed: 1 });
    await prepared("data-of-other-val", { val: 0.2 });
    const hash = (data: string) => sha256Of(at(data, "index.json")).slice(0, 12);
    for (const data of ["data-of-seed-1", "data-of-other-val"])
      for (const training of ["gan", "damsm"] as const) {
        const message = await refusal(resume(copy(`${training}-${data}`), { data, training }));
        const run = at(`${training}-${data}`, ...(training === "damsm" ? ["damsm"] : []));
        expect(message).toContain(`${at(data)}: is not the data that the run began with`);
        expect(message).toContain(`its index.json has SHA-256 ${hash(data)}`);
        expect(message).toContain(
          `${join(run, "dependencies.json")} records ${hash("data")} of ${at("data")}`,
        );
        expect(message).toContain("or begin another run");
      }
  });

  it("not with a DAMSM that was trained further, or another one", async () => {
    const run = copy("further");
    const before = record(run).damsm.sha256 as string;
    await resume(run, { training: "damsm" });
    const now = sha256Of(at(run, "damsm", "damsm.safetensors"));
    expect(now).not.toBe(before);
    const message = await refusal(resume(run));
    expect(message).toContain(
      `${at(run, "damsm", "damsm.safetensors")}: is not the DAMSM that the run began with`,
    );
    expect(message).toContain(`it has SHA-256 ${now.slice(0, 12)}`);
    expect(message).toContain(`${at(run, "dependencies.json")} records ${before.slice(0, 12)}`);
    copyFileSync(at("run", "damsm", "damsm.safetensors"), at(run, "damsm", "damsm.safetensors"));
    expect(await resume(run)).toMatchObject({ step: 4 });
  });

  it("not from a checkpoint of a run on other data", async () => {
    await prepared("others", { seed: 2 });
    const options = { data: at("others"), run: at("others-run"), config: config(), steps: 3 };
    for (const training of ["damsm", "gan"] as const) await train(training, options);
    const run = copy("mixed");
    const name = join("checkpoints", "step-0000003.safetensors");
    copyFileSync(at("others-run", name), at(run, name));
    const message = await refusal(resume(run));
    expect(message).toContain(`${at(run, name)}: was written by a run whose data has SHA-256`);
    expect(message).toContain(sha256Of(at("others", "index.json")).slice(0, 12));
    expect(message).toContain(sha256Of(at("data", "index.json")).slice(0, 12));
  });

  it("not without dependencies.json", async () => {
    const run = copy("unrecorded");
    rmSync(at(run, "dependencies.json"));
    expect(await refusal(resume(run))).toMatch(
      /dependencies\.json: there is no such file, .*begin another run/,
    );
    rmSync(at(run, "damsm", "dependencies.json"));
    const options = { data: at("data"), run: at("adopting"), config: config(), damsm: at(run) };
    expect(await refusal(train("gan", options))).toMatch(/dependencies\.json: there is no such file/);
  });
});

it("an adopted DAMSM keeps its recorded dependencies", async () => {
  const options = { data: at("data"), run: at("adopted"), config: config(), steps: 1, damsm: at("run") };
  await train("gan", options);
  expect(record("adopted", "damsm")).toEqual(record("run", "damsm"));
  expect(record("adopted").damsm).toEqual(record("run").damsm);
});

describe("data without validation images", () => {
  const trained = async (run: string, data: string, ...set: string[]) => {
    const warnings: string[] = [];
    await train("gan", {
      ...{ data: at(data), run: at(run), config: config(...set), steps: 4, makeEvaluator },
      onWarning: (line) => warnings.push(line),
    });
    const figures = readMetrics(at(run, "metrics.jsonl")).filter((line) => "damsm/frechetDistance" in line);
    return { warnings, figures };
  };

  it("is trained on without evaluations and comparisons, with one warning for each", async () => {
    await prepared("no-val", { val: 0 });
    await train("damsm", { data: at("no-val"), run: at("no-val-run"), config: config(), steps: 1 });
    const evaluated = [
      "evaluate.every=2",
      "evaluate.images=16",
      "training.patience=1",
      "log.discriminatorOnVal=2",
    ];
    const { warnings, figures } = await trained("no-val-run", "no-val", ...evaluated);
    expect(warnings).toEqual([
      expect.stringMatching(
        /no-val: has 0 validation images, and at least 4 are needed to compare .*, so log\.discriminatorOnVal is ignored/,
      ),
      expect.stringMatching(
        /no-val: has 0 validation images, and at least 2 are needed, so the model is not evaluated during training, and training\.patience is ignored: .*--val/,
      ),
    ]);
    expect(figures).toEqual([]);
  });

  it("causes no warning if no evaluation is requested", async () => {
    const damsm = ["damsm", "config.yaml"];
    cpSync(at("no-val-run", "damsm"), at("quiet", "damsm"), { recursive: true });
    expect(readFileSync(at("quiet", ...damsm), "utf8")).not.toBe("");
    expect(await trained("quiet", "no-val")).toEqual({ warnings: [], figures: [] });
  });
});

it("training is evaluated on `val` and stopped early, and a resumed run stops at the same step", async () => {
  cpSync(at("run", "damsm"), at("early", "damsm"), { recursive: true });
  const evaluated = config("evaluate.every=1", "evaluate.images=16", "training.patience=2", "log.keep=1");
  const options = { data: at("data"), run: at("early"), makeEvaluator, steps: 40 };
  const result = await train("gan", { ...options, config: evaluated });
  const lines = readMetrics(at("early", "metrics.jsonl")).filter((line) => "damsm/frechetDistance" in line);
  const distances = lines.map((line) => line["damsm/frechetDistance"] as number);
  const best = 1 + distances.indexOf(Math.min(...distances));
  expect(result).toMatchObject({
    ...{ step: best + 2, complete: true },
    stoppedEarly: { step: best, name: "damsm/frechetDistance" },
  });
  const again = await train("gan", { ...options, config: "resume" });
  expect(again).toEqual(result);
});

it("steps after the end of training.decay cause a warning, and change no weights", async () => {
  await train("damsm", { data: at("data"), run: at("decayed"), config: config(), steps: 1 });
  const generatorAt = (step: number) => {
    const path = at("decayed", "checkpoints", `step-000000${step}.safetensors`);
    const weight = loadSafetensors(path).tensors.get("generator.toImage.0.weight")!;
    return weight.toNumbers();
  };
  const decaying = config("training.decay=linear", "training.steps=2", "log.checkpointEvery=1", "log.keep=9");
  const warnings: string[] = [];
  const onWarning = (line: string) => warnings.push(line);
  await train("gan", { data: at("data"), run: at("decayed"), config: decaying, device: "cpu", onWarning });
  expect(warnings).toEqual([]);
  const resumed = { data: at("data"), run: at("decayed"), config: "resume", device: "cpu" } as const;
  await train("gan", { ...resumed, steps: 3, onWarning });
  expect(warnings).toEqual([
    "training.decay=linear ends after training.steps=2: no weights change in steps 3 to 3. " +
      "Begin another run with --set training.steps=3",
  ]);
  scope(() => {
    expect(generatorAt(2)).not.toEqual(generatorAt(1));
    expect(generatorAt(3)).toEqual(generatorAt(2));
  });
});
