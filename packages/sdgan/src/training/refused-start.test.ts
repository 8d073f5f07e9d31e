/** A GAN with another run's DAMSM that cannot begin: its run folder is left as it was. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { makeEvaluator } from "../evaluation/during-training.js";
import { tinyConfig } from "../testing/tiny.js";
import { type Training, train } from "./train.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const begin = (training: Training, run: string, { data = "data", damsm = "", set = [] as string[] } = {}) =>
  train(training, {
    ...{ data: at(data), run: at(run), steps: 1, device: "cpu", makeEvaluator },
    config: loadConfig(at("tiny.yaml"), ["data.workers=0", ...set]),
    ...(damsm !== "" && { damsm: at(damsm) }),
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-refused-"));
  writeFileSync(at("tiny.yaml"), tinyConfig);
  const source = birds({ species: 12, imagesPerSpecies: 2, size: 16 });
  await prepare(source, { out: at("data"), size: 16 });
  await prepare({ ...source, tokenizer: "attngan" }, { out: at("other-words"), size: 16 });
  await begin("damsm", "source");
});
afterEach(() => {
  for (const made of ["new", "mine"]) rmSync(at(made), { recursive: true, force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const refusals: [what: string, given: { data?: string; set?: string[] }, message: RegExp][] = [
  ["data with other words", { data: "other-words" }, /other-words: has another vocabulary or tokenizer than/],
  ["a configuration of other networks", { set: ["text.width=16"] }, /was trained with 8/],
  [
    "an evaluation that lacks its network",
    { set: ["evaluate.every=1", "evaluate.best=attributeAccuracy"] },
    /train an attribute classifier first/,
  ],
  ["images that are too small", { set: ["generator.firstSize=16"] }, /cannot be averaged down to the 32/],
];

it.each(refusals)("%s: a new folder is not made", async (_, given, message) => {
  const refused = begin("gan", join("new", "run"), { damsm: "source", ...given });
  await expect(refused).rejects.toThrow(UserError);
  await expect(refused).rejects.toThrow(message);
  expect(existsSync(at("new"))).toBe(false);
});

it.each(refusals)("%s: an existing folder stays as it was", async (_, given, message) => {
  mkdirSync(at("mine"), { recursive: true });
  writeFileSync(at("mine", "notes.txt"), "mine");
  await expect(begin("gan", "mine", { damsm: "source", ...given })).rejects.toThrow(message);
  expect(readdirSync(at("mine"))).toEqual(["notes.txt"]);
});

it("a folder with files that a run would overwrite stays as it was", async () => {
  mkdirSync(at("taken"));
  writeFileSync(at("taken", "metrics.jsonl"), "{}\n");
  await expect(begin("gan", "taken", { damsm: "source" })).rejects.toThrow("a run would overwrite");
  expect(readdirSync(at("taken"))).toEqual(["metrics.jsonl"]);
});

it("a folder with another DAMSM stays as it was", async () => {
  cpSync(at("source", "damsm"), at("has-damsm", "damsm"), { recursive: true });
  writeFileSync(at("has-damsm", "damsm", "damsm.safetensors"), "another");
  const before = readdirSync(at("has-damsm"), { recursive: true });
  await expect(begin("gan", "has-damsm", { damsm: "source" })).rejects.toThrow("exists already and differs");
  expect(readdirSync(at("has-damsm"), { recursive: true })).toEqual(before);
});

it("the same start with data and configuration that fit copies the DAMSM and trains", async () => {
  expect(await begin("gan", join("new", "run"), { damsm: "source" })).toMatchObject({ step: 1 });
  expect(existsSync(at("new", "run", "damsm", "damsm.safetensors"))).toBe(true);
  expect(existsSync(at("new", "run", "model.safetensors"))).toBe(true);
});
