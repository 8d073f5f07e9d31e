import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { progressIn, Trainings, trainingRequest } from "./trainings.js";

let folder: string;
let trainings: Trainings;
/** Stands in for `sdgan`: it writes what it was asked, prints as a training does, and ends as SIGTERM or the data says. */
const PROGRAM = `
const args = process.argv.slice(2);
const value = (name) => args.find((each) => each.startsWith("--" + name + "="))?.slice(name.length + 3);
require("node:fs").writeFileSync(value("run") + ".json", JSON.stringify(args));
console.error("gan  [##..]   13 %  26/200  22.7 images/s  3:07 min left  kl 0.01");
console.error("Warning: D is certain");
process.on("SIGTERM", () => process.exit(143));
if (value("data") === "missing") { console.error("sdgan: missing: no data"); process.exit(1); }
if (value("minutes")) process.exit(0);
setInterval(() => {}, 1000);
`;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-trainings-"));
  writeFileSync(join(folder, "program.cjs"), PROGRAM);
  trainings = new Trainings({
    ...{ program: join(folder, "program.cjs"), folder },
    // The real one is the training's own.
    isInUse: (run) => existsSync(join(run, "in use")),
  });
});
afterAll(async () => {
  await trainings.end();
  rmSync(folder, { recursive: true });
});

const request = { task: "gan", config: "birds-64", data: "data/birds" } as const;
const state = async (run: string) => (await trainings.status(join(folder, run)))?.state;
const arguments_ = async (run: string) => {
  await vi.waitFor(() => expect(existsSync(join(folder, `${run}.json`))).toBe(true), 10_000);
  return (await import(join(folder, `${run}.json`), { with: { type: "json" } })).default;
};

it("starts a training, reports its progress and warnings, and stops it", async () => {
  await trainings.start({ ...request, run: "a" });
  expect(await arguments_("a")).toEqual([
    ...["train", "gan", `--run=${join(folder, "a")}`, "--data=data/birds", "--config=birds-64"],
  ]);
  await vi.waitFor(async () => {
    expect(await trainings.status(join(folder, "a"))).toMatchObject({
      ...{ state: "running", step: 26, steps: 200, secondsLeft: 187, warnings: ["D is certain"] },
      memory: expect.any(Number),
    });
  }, 10_000);
  await expect(trainings.start({ ...request, run: "a" })).rejects.toThrow("is being trained");
  trainings.stop(join(folder, "a"));
  await vi.waitFor(async () => expect(await state("a")).toBe("stopped"), 10_000);
  expect((await trainings.status(join(folder, "a")))?.warnings).toEqual(["D is certain"]);
  expect(() => trainings.stop(join(folder, "a"))).toThrow("runs no training");
});

it("tells a training that is finished from one that failed, with its last line", async () => {
  await trainings.start({ ...request, run: "b", minutes: 1 });
  await trainings.start({ ...request, run: "c", data: "missing" });
  await vi.waitFor(
    async () => expect([await state("b"), await state("c")]).toEqual(["finished", "stopped"]),
    10_000,
  );
  expect((await trainings.status(join(folder, "c")))?.warnings.at(-1)).toBe("sdgan: missing: no data");
  expect(await trainings.status(join(folder, "other"))).toBeUndefined();
  expect(trainings.folders()).toContain(join(folder, "c"));
});

it("resumes a run, or its DAMSM, with the data that it names", async () => {
  const damsm = join(folder, "d/damsm");
  mkdirSync(damsm, { recursive: true });
  await expect(trainings.resume(damsm)).rejects.toThrow("does not say");
  writeFileSync(join(damsm, "dependencies.json"), JSON.stringify({ data: { folder: "data/x" } }));
  expect(await trainings.resume(damsm)).toBe(damsm);
  expect(await arguments_("d")).toEqual([
    ...["train", "damsm", `--run=${join(folder, "d")}`, "--data=data/x", "--resume"],
  ]);
  expect(trainings.folders()).toContain(damsm);
  await trainings.end();
  expect((await trainings.status(damsm))?.state).toBe("stopped");
});

it("trains the GAN of a run with the configuration and the data of its DAMSM", async () => {
  const damsm = join(folder, "e/damsm");
  mkdirSync(damsm, { recursive: true });
  await expect(trainings.trainGan(damsm)).rejects.toThrow("does not say");
  writeFileSync(join(damsm, "dependencies.json"), JSON.stringify({ data: { folder: "data/x" } }));
  await expect(trainings.trainGan(join(folder, "e"))).rejects.toThrow("Expected the run of a DAMSM");
  expect(await trainings.trainGan(damsm)).toBe(join(folder, "e"));
  expect(await arguments_("e")).toEqual([
    ...[
      "train",
      "gan",
      `--run=${join(folder, "e")}`,
      "--data=data/x",
      `--config=${join(damsm, "config.yaml")}`,
    ],
  ]);
  expect(await state("e")).toBe("running");
  await trainings.start({ ...request, task: "damsm", run: "f" });
  await expect(trainings.trainGan(join(folder, "f/damsm"))).rejects.toThrow("whose training has ended");
});

it("does not train a DAMSM whose GAN has begun, nor a GAN while its DAMSM is trained", async () => {
  const damsm = join(folder, "g/damsm");
  mkdirSync(damsm, { recursive: true });
  writeFileSync(join(damsm, "dependencies.json"), JSON.stringify({ data: { folder: "data/x" } }));
  writeFileSync(join(damsm, "in use"), "");
  await expect(trainings.trainGan(damsm)).rejects.toThrow("whose training has ended");
  await expect(trainings.start({ ...request, run: "g" })).rejects.toThrow("can begin after that");
  rmSync(join(damsm, "in use"));
  writeFileSync(join(folder, "g/config.yaml"), "");
  await expect(trainings.resume(damsm)).rejects.toMatchObject({
    ...{ status: 409, message: expect.stringContaining("train the GAN on, or begin a run with another") },
  });
  expect(trainings.folders()).not.toContain(damsm);
});

it("accepts names of runs and presets only, not paths or options", () => {
  const valid = { ...request, run: "mine" };
  expect(trainingRequest.safeParse(valid).success).toBe(true);
  for (const wrong of [
    ...["../a", "a/b", "-x", ".", "", "/etc", "damsm", "evaluation-damsm"].map((run) => ({ ...valid, run })),
    ...["/etc/passwd", "../x.yaml", "--set"].map((config) => ({ ...valid, config })),
    { ...valid, task: "import" },
    { ...valid, minutes: -1 },
    { ...valid, extra: 1 },
  ])
    expect(trainingRequest.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false);
});

it("reads steps and time left of every form of the progress line", () => {
  expect(progressIn("gan  [#]   13 %  2619/20000  22.7 images/s  6:47 h left  kl 0")).toEqual({
    ...{ step: 2619, steps: 20_000, secondsLeft: 6 * 3600 + 47 * 60 },
  });
  expect(progressIn("gan  99 %  199/200  1 images/s  45 s left").secondsLeft).toBe(45);
  expect(progressIn("something else")).toEqual({});
});
