/** What evaluate refuses, and that it loses nothing then. */
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { birds } from "../data/birds/index.js";
import type { Example } from "../data/dataset.js";
import { prepare } from "../data/prepare.js";
import type { Processes } from "../distributed/processes.js";
import { EvaluatedBirds, size } from "../testing/evaluated-birds.js";
import { evaluate, NotWritten } from "./evaluate.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 900_000 });

let made: EvaluatedBirds;
const at = (...names: string[]) => made.at(...names);
beforeAll(async () => {
  made = await EvaluatedBirds.make();
  await made.trainRuns("attributeClassifier.steps=2"); // Its accuracy does not matter here.
});
afterAll(() => made[Symbol.dispose]());

const options = () => ({ run: at("run"), data: at("data"), images: 40, seed: 0 });
const refusal = async (more: object): Promise<string> => {
  const error = await evaluate({ ...options(), ...more }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
};

it("refuses a requested metric that cannot be computed, and keeps earlier figures", async () => {
  await evaluate(options());
  const before = readFileSync(at("run", "evaluation.json"), "utf8");
  expect(await refusal({ metrics: ["rPrecision"] })).toMatch(/^rPrecision needs a DAMSM from another seed/);
  expect(await refusal({ metrics: ["rPrecision"], damsm: at("other") })).toMatch(
    /needs 99 captions of other classes for every image.*more --images/,
  );
  expect(await refusal({ metrics: ["inceptionScore"], images: 3 })).toMatch(/give --images 10/);
  expect(await refusal({ attributeClassifier: at("other") })).toMatch(
    /other.*attribute-classifier\.safetensors: there is no such file/,
  );
  expect(await refusal({ inception: at("run", "model.safetensors") })).toMatch(/model\.safetensors/);
  expect(await refusal({ checkpoint: 7 })).toMatch(/step-0000007\.safetensors: there is no such file/);
  expect(await refusal({ checkpoint: "best" })).toMatch(/was not evaluated during training/);
  expect(readFileSync(at("run", "evaluation.json"), "utf8")).toBe(before);
});

it("refuses, in one of several processes, other inputs than those of process 0", async () => {
  const beside = (first: Record<string, unknown>) =>
    ({
      ...{ rank: 1, worldSize: 2, isFirst: false, meet: async () => {} },
      fromFirst: (own: Record<string, unknown>) => ({ ...own, ...first }),
    }) as unknown as Processes;
  expect(await refusal({ processes: beside({ seed: 5, model: "0".repeat(64) }) })).toMatch(
    /process 1 evaluates with other files or options than process 0 \(seed, model\)/,
  );
  expect(await refusal({ metrics: ["diversity"], processes: beside({ metrics: undefined }) })).toMatch(
    /process 0 \(metrics\)/,
  );
});

it("refuses data without test images in one line", async () => {
  const only = birds({ species: 8, imagesPerSpecies: 1, size });
  const training = {
    ...only,
    listing: only.listing!.filter(({ split }) => split === "train").slice(0, 1),
    async *examples(): AsyncGenerator<Example> {
      for await (const one of only.examples()) {
        if (one.split !== "train") continue;
        yield one;
        return;
      }
    },
  };
  await prepare(training, { out: at("one"), size });
  expect(await refusal({ data: at("one") })).toBe(
    `${at("one")}: has no images in the split test, which evaluation uses: prepare the data again; sdgan prepare sets ` +
      "some aside if the data has no such split and at least two images",
  );
});

it("tries whether the result can be written before it measures", async () => {
  for (const name of ["evaluation.png", join("evaluations", "step-0000002-seed-0-images-20.json")]) {
    cpSync(at("run"), at("blocked"), { recursive: true });
    rmSync(at("blocked", name), { force: true });
    mkdirSync(at("blocked", name), { recursive: true });
    const onImage = vi.fn();
    expect(await refusal({ run: at("blocked"), images: 20, onImage })).toContain(
      `${at("blocked", name)}: is a folder`,
    );
    expect(onImage).not.toHaveBeenCalled();
    rmSync(at("blocked"), { recursive: true });
  }
  cpSync(at("run"), at("blocked"), { recursive: true });
  rmSync(at("blocked", "evaluations"), { recursive: true, force: true });
  writeFileSync(at("blocked", "evaluations"), "a file");
  expect(await refusal({ run: at("blocked"), images: 20 })).toContain(at("blocked", "evaluations"));
  rmSync(at("blocked"), { recursive: true });
});

it("returns the result with the error if it cannot be written after all", async () => {
  cpSync(at("run"), at("lost"), { recursive: true });
  rmSync(at("lost", "evaluation.png"), { force: true });
  const onImage = () => mkdirSync(at("lost", "evaluation.png"), { recursive: true });
  const run = { ...options(), run: at("lost"), images: 20 };
  const error = await evaluate({ ...run, onImage }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(NotWritten);
  const { message, result } = error as NotWritten;
  expect(message).toMatch(
    /lost\/evaluation\.png: .*; the result was measured, but is not in the run folder$/,
  );
  expect(result.images).toBe(20);
  expect(result.figures.attributeAccuracy!.count).toBeGreaterThan(0);
});

it("refuses the DAMSM that the generator was trained with, and a copy of it", async () => {
  mkdirSync(at("copy", "damsm"), { recursive: true });
  for (const name of readdirSync(at("run", "damsm")).filter((name) => name.includes(".")))
    if (!name.includes("tfevents")) copyFileSync(at("run", "damsm", name), at("copy", "damsm", name));
  for (const run of ["run", "copy"])
    expect(await refusal({ damsm: at(run) })).toMatch(/is the DAMSM that .* was trained with.*another seed/);
});

it("without an attribute classifier, compares by the given DAMSM; without any network, refuses", async () => {
  mkdirSync(at("bare"));
  for (const name of ["config.yaml", "vocabulary.json", "model.safetensors"])
    copyFileSync(at("run", name), at("bare", name));
  const bare = { run: at("bare") };
  const { figures, networks } = await evaluate({ ...options(), ...bare, damsm: at("other") });
  expect(Object.keys(networks)).toEqual(["damsm"]);
  expect(figures.frechetDistance).toMatchObject({ network: "damsm" });
  expect(await refusal(bare)).toBe(
    `${at("bare")}: there is no feature network to measure with. This trains a DAMSM of another seed on the same data, ` +
      `and measures with it: npx sdgan evaluate --run ${at("bare")} --data ${at("data")} --train-damsm`,
  );
  expect(await refusal({ ...bare, metrics: ["attributeAccuracy"] })).toMatch(
    /^attributeAccuracy needs an attribute classifier/,
  );
  expect(await refusal({ ...bare, metrics: ["inceptionScore"], damsm: at("other") })).toMatch(
    /needs a network that predicts classes/,
  );
});
