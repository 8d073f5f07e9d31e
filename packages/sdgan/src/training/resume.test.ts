import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadSafetensors } from "@sdgan/torch";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { compile, sdgan, startSdgan } from "../testing/cli.js";
import { CommandHost } from "../testing/command-host.js";
import { tinyConfig } from "../testing/tiny.js";

// Tests take half a minute on a machine that is busy with other work.
vi.setConfig({ testTimeout: 180_000 });

// Uninterrupted runs and first parts of runs are trained here, in one process; what is resumed, in a process of its own.
const host = new CommandHost();
let folder: string;
let config: string;
let data: string;
beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-resume-"));
  config = join(folder, "tiny.yaml");
  data = join(folder, "data");
  const measured = tinyConfig.replace("damsm: {", "damsm: { evaluateEvery: 3,");
  writeFileSync(config, `${measured}evaluate: { every: 4, images: 16 }\n`);
  expect(
    (await host.sdgan("prepare", "birds", "--out", data, "--species", "20", "--images", "4", "--size", "16"))
      .code,
  ).toBe(0);
});
afterAll(() => {
  host[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

type ResumedTraining = "damsm" | "gan";
const folderOf = { damsm: (run: string) => join(run, "damsm"), gan: (run: string) => run };
const resultOf = { damsm: "damsm.safetensors", gan: "model.safetensors" };

function arguments_(training: ResumedTraining, run: string): string[] {
  return ["train", training, "--data", data, "--run", run];
}

/** All files of a training that are determined by seed, data and configuration. */
function outcome(training: ResumedTraining, run: string): Record<string, string> {
  const at = folderOf[training](run);
  const files = ["metrics.jsonl", resultOf[training], join("checkpoints", "step-0000008.safetensors")];
  return Object.fromEntries(files.map((file) => [file, readFileSync(join(at, file), "base64")]));
}

function linesOf(file: string): number {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

it("a run whose stages grow continues bit for bit, before and after a stage joins", async () => {
  const begin = (run: string) => [
    ...arguments_("gan", run),
    "--config",
    config,
    "--set",
    "training.grow=[4]",
  ];
  const [whole, resumed] = [join(folder, "grown"), join(folder, "grown-resumed")];
  expect((await host.sdgan(...arguments_("damsm", whole), "--config", config)).code).toBe(0);
  cpSync(join(whole, "damsm"), join(resumed, "damsm"), { recursive: true });
  expect((await host.sdgan(...begin(whole))).code).toBe(0);
  expect((await host.sdgan(...begin(resumed), "--steps", "3")).code).toBe(0);
  // The model of the first stage alone generates images of its size.
  const images = join(folder, "grown-images");
  const generate = ["generate", "--run", resumed, "--caption", "a red bird", "--out", images];
  expect((await host.sdgan(...generate)).code).toBe(0);
  const [png] = readdirSync(images).filter((name) => name.endsWith(".png") && name !== "grid.png");
  expect(await sharp(join(images, png!)).metadata()).toMatchObject({ width: 8, height: 8 });
  for (const steps of ["6", "8"])
    expect((await sdgan(...arguments_("gan", resumed), "--resume", "--steps", steps)).code).toBe(0);
  expect(outcome("gan", resumed)).toEqual(outcome("gan", whole));
});

/** Starts a training and kills it when `moment` returns true, checked every two milliseconds. */
async function killedAt(args: string[], moment: () => boolean): Promise<void> {
  const { child, ended } = startSdgan(...args);
  while (child.exitCode === null && !moment()) await sleep(2);
  child.kill("SIGKILL");
  expect((await ended).signal).toBe("SIGKILL");
}

/** Trains in `run` and kills the training repeatedly: at these numbers of metrics, then while a checkpoint is written. */
async function trainKilled(training: ResumedTraining, run: string, moments: number[]): Promise<void> {
  const at = folderOf[training](run);
  const begin = [...arguments_(training, run), "--config", config];
  const resume = [...arguments_(training, run), "--resume"];
  const metrics = join(at, "metrics.jsonl");
  for (const [i, lines] of moments.entries())
    await killedAt(i === 0 ? begin : resume, () => linesOf(metrics) >= lines);
  const writing = () => readdirSync(join(at, "checkpoints")).some((name) => name.startsWith("."));
  await killedAt(resume, writing);
  expect((await sdgan(...resume)).code).toBe(0);
}

it("a run that is killed repeatedly equals an uninterrupted one, bit for bit", async () => {
  const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
  expect((await host.sdgan(...arguments_("damsm", whole), "--config", config)).code).toBe(0);
  await trainKilled("damsm", killed, [5]);
  expect(outcome("damsm", killed)).toEqual(outcome("damsm", whole));

  expect((await host.sdgan(...arguments_("gan", whole), "--config", config)).code).toBe(0);
  await trainKilled("gan", killed, [1, 5]);
  expect(outcome("gan", killed)).toEqual(outcome("gan", whole));
  const lines = readFileSync(join(whole, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  expect(lines.filter((line) => line.includes("damsm/frechetDistance"))).toHaveLength(2);
  expect(lines).toHaveLength(8 + 2);
  const leftovers = readdirSync(join(killed, "checkpoints")).filter((name) => name.startsWith("."));
  expect(leftovers).toEqual([]);
});

it("a run with discriminators on DAMSM's features continues bit for bit, and is exported and imported", async () => {
  const begin = (run: string) => [
    ...arguments_("gan", run),
    ...["--config", config, "--damsm", join(folder, "whole"), "--set", "discriminator.features=damsm"],
  ];
  const [whole, resumed] = [join(folder, "features"), join(folder, "features-resumed")];
  const damsm = readFileSync(join(folder, "whole", "damsm", "damsm.safetensors"), "base64");
  expect((await host.sdgan(...begin(whole))).code).toBe(0);
  expect((await host.sdgan(...begin(resumed), "--steps", "5")).code).toBe(0);
  expect((await sdgan(...arguments_("gan", resumed), "--resume")).code).toBe(0);
  expect(outcome("gan", resumed)).toEqual(outcome("gan", whole));
  expect(readFileSync(join(whole, "damsm", "damsm.safetensors"), "base64")).toBe(damsm);
  const [exported, imported] = [join(folder, "features-out"), join(folder, "features-in")];
  expect((await host.sdgan("export", "--run", whole, "--out", exported)).code).toBe(0);
  expect((await host.sdgan("import", "weights", exported, "--run", imported)).code).toBe(0);
  const tensorsOf = (run: string, step: number) =>
    loadSafetensors(join(run, "checkpoints", `step-000000${step}.safetensors`)).tensors;
  const [before, after] = [tensorsOf(whole, 8), tensorsOf(imported, 0)];
  const names = [...before.keys()].filter((name) => /^discriminator\d/.test(name));
  expect(names).toContain("discriminator1.project.0.conv.weight");
  for (const name of names) expect([name, after.get(name)!.equal(before.get(name)!)]).toEqual([name, true]);
  expect((await host.sdgan(...arguments_("gan", imported), "--resume", "--steps", "1")).code).toBe(0);
});

it("a run with recomputed statistics continues bit for bit, and its weights are those of one without", async () => {
  const begin = (run: string) => [
    ...arguments_("gan", run),
    ...["--config", config, "--damsm", join(folder, "whole"), "--set", "training.averageStatistics=2"],
  ];
  const [whole, resumed] = [join(folder, "statistics"), join(folder, "statistics-resumed")];
  expect((await host.sdgan(...begin(whole))).code).toBe(0);
  expect((await host.sdgan(...begin(resumed), "--steps", "5", "--set", "log.sampleEvery=3")).code).toBe(0);
  expect((await sdgan(...arguments_("gan", resumed), "--resume")).code).toBe(0);
  expect(outcome("gan", resumed)).toEqual(outcome("gan", whole));
  const lastSample = (run: string) => readFileSync(join(run, "samples", "step-0000008.png"), "base64");
  expect(lastSample(resumed)).toBe(lastSample(whole));
  const tensorsOf = (run: string) => loadSafetensors(join(run, "model.safetensors")).tensors;
  const [own, usual] = [tensorsOf(whole), tensorsOf(join(folder, "whole"))];
  for (const [name, tensor] of usual) {
    const isStatistic = /\.(running_mean|running_var|num_batches_tracked)$/.test(name);
    expect([name, own.get(name)!.equal(tensor)]).toEqual([name, !isStatistic]);
  }
  expect(own.get("generator.first.norm.num_batches_tracked")!.item()).toBe(2);
});

it("a run with options against overfitting continues bit for bit", async () => {
  const set = [
    ...["augment.policy=[color,translation,cutout]", "augment.target=0.1", "augment.images=16"],
    ...["penalty.kind=matchingAware", "penalty.every=2", "discriminator.norm=spectral"],
    ...[
      "training.loss=hinge",
      "training.decay=cosine",
      "log.discriminatorOnVal=2",
      "training.changedWords=0.7",
    ],
  ].flatMap((one) => ["--set", one]);
  const begin = (run: string) => [
    ...arguments_("gan", run),
    ...["--config", config, "--damsm", join(folder, "whole")],
    ...set,
  ];
  const [whole, resumed] = [join(folder, "options"), join(folder, "options-resumed")];
  expect((await host.sdgan(...begin(whole))).code).toBe(0);
  expect((await host.sdgan(...begin(resumed), "--steps", "3")).code).toBe(0);
  for (const steps of ["6", "8"])
    expect((await sdgan(...arguments_("gan", resumed), "--resume", "--steps", steps)).code).toBe(0);
  expect(outcome("gan", resumed)).toEqual(outcome("gan", whole));
  const { length } = readFileSync(join(whole, "metrics.jsonl"), "utf8").match(/stage2\/penalty/g)!;
  expect(length).toBe(4);
  const measured = readFileSync(join(whole, "metrics.jsonl"), "utf8").match(/overfitting\/stage2\/ratio/g)!;
  expect(measured).toHaveLength(4);
});

it("comparing the discriminators' answers for validation images does not change a run", async () => {
  const run = join(folder, "on-val");
  const begin = [...arguments_("gan", run), "--config", config, "--damsm", join(folder, "whole")];
  const { code, stderr } = await host.sdgan(...begin, "--set", "log.discriminatorOnVal=1");
  expect([code, stderr]).toEqual([0, expect.not.stringContaining("discriminatorOnVal")]);
  const { "metrics.jsonl": metrics, ...files } = outcome("gan", join(folder, "whole"));
  expect(outcome("gan", run)).toMatchObject(files);
  expect(readFileSync(join(run, "metrics.jsonl"), "utf8").match(/overfitting\/stage1\/val/g)).toHaveLength(8);
});

it("refuses pairs across languages of data without languages, and writes nothing", async () => {
  const run = join(folder, "languages");
  const begin = [...arguments_("gan", run), "--config", config, "--damsm", join(folder, "whole")];
  const { code, stderr } = await host.sdgan(...begin, "--set", "siamese.acrossLanguages=true");
  expect(code).toBe(1);
  expect(stderr).toMatch(/data: no caption has a language, and siamese\.acrossLanguages=true pairs/);
  expect(existsSync(join(run, "config.yaml"))).toBe(false);
});

it("a run does not depend on the number of threads that prepare its images", async () => {
  for (const workers of [0, 3]) {
    const run = join(folder, `workers-${workers}`);
    const begin = [...arguments_("gan", run), "--config", config, "--damsm", join(folder, "whole")];
    expect((await host.sdgan(...begin, "--set", `data.workers=${workers}`)).code).toBe(0);
    expect(outcome("gan", run)).toEqual(outcome("gan", join(folder, "whole")));
  }
});

it("evaluations do not change a run", async () => {
  const run = join(folder, "unmeasured");
  const begin = [...arguments_("gan", run), "--config", config, "--damsm", join(folder, "whole")];
  expect((await host.sdgan(...begin, "--set", "evaluate.every=0")).code).toBe(0);
  const { "metrics.jsonl": metrics, ...files } = outcome("gan", join(folder, "whole"));
  expect(outcome("gan", run)).toMatchObject(files);
});

it("two runs with the same seed are equal bit for bit, also with several threads", async () => {
  const short = ["--config", config, "--damsm", join(folder, "whole"), "--threads", "2", "--steps", "2"];
  const metrics = async (name: string) => {
    expect((await sdgan(...arguments_("gan", join(folder, name)), ...short)).code).toBe(0);
    return readFileSync(join(folder, name, "metrics.jsonl"), "utf8");
  };
  expect(await metrics("first")).toBe(await metrics("second"));
});

it("Ctrl-C saves and prints a command to continue, whose result equals an uninterrupted run", async () => {
  const [whole, stopped] = [join(folder, "whole"), join(folder, "stopped")];
  const begin = [...arguments_("gan", stopped), "--config", config, "--damsm", whole];
  const { child, ended } = startSdgan(...begin);
  while (child.exitCode === null && linesOf(join(stopped, "metrics.jsonl")) < 4) await sleep(2);
  child.kill("SIGINT");
  const { code, stdout } = await ended;
  expect(code).toBe(130);
  const [, command] = /To continue: npx sdgan (.*)/.exec(stdout)!;
  expect((await sdgan(...command!.split(" "))).code).toBe(0);
  expect(outcome("gan", stopped)).toEqual(outcome("gan", whole));
});

it("refuses a truncated checkpoint, and changes neither it nor the one before", async () => {
  const run = join(folder, "stopped");
  const newest = join(run, "checkpoints", "step-0000008.safetensors");
  truncateSync(newest, 1000);
  const { code, stderr } = await host.sdgan(...arguments_("gan", run), "--resume");
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toContain(`${newest} is not a safetensors file`);
  expect(stderr).toContain("remove it to continue from step 6");
  rmSync(newest);
  expect((await sdgan(...arguments_("gan", run), "--resume")).code).toBe(0);
  expect(outcome("gan", run)).toEqual(outcome("gan", join(folder, "whole")));
});
