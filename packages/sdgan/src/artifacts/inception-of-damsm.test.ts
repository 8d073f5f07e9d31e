/** DAMSM with an Inception-v3 of random weights, and a GAN trained with it: the content of the run folder. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import { manualSeed, saveSafetensors, type Tensor } from "@sdgan/torch";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import { prepare } from "../data/prepare.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { InceptionV3 } from "../models/inception/inception-v3.js";
import { readMetrics } from "../run/metrics.js";
import { openRun } from "../run/run-folder.js";
import { tinyConfig } from "../testing/tiny.js";
import { type TrainOptions, train } from "../training/train.js";
import { sha256Of } from "../util/sha256.js";
import { damsmFile } from "./damsm.js";
import { readTensors, stateUnder } from "./tensor-file.js";

// Tests take a minute on a machine that is busy with other work.
vi.setConfig({ testTimeout: 180_000 });

const folder = mkdtempSync(join(tmpdir(), "sdgan-inception-run-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]) => join(folder, ...names);
const [data, inception] = [at("data"), at("inception.safetensors")];
let config: Config;
beforeAll(async () => {
  await prepare(birds({ species: 8, imagesPerSpecies: 2, size: 16 }), { out: data, size: 16 });
  writeFileSync(at("tiny.yaml"), tinyConfig);
  config = loadConfig(at("tiny.yaml"), [
    ...["damsm.encoder=inception", "damsm.batch=2", "damsm.steps=2"],
    ...["training.batch=2", "training.steps=2", "data.workers=0", "log.checkpointEvery=100"],
  ]);
  manualSeed(3);
  saveSafetensors(inception, new InceptionV3("torchvision").stateDict());
});

const damsm = (run: string, options: Partial<TrainOptions> = {}) =>
  train("damsm", { ...{ data, run: at(run), config, device: "cpu" }, ...options });

async function refusal(training: Promise<unknown>): Promise<string> {
  const error = await training.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  return (error as Error).message;
}

/** The tensors of a run's DAMSM: of its text encoder, its image encoder and its Inception. */
function networksOf(run: string): Record<"text" | "image" | "inception", Map<string, Tensor>> {
  const { tensors } = readTensors(at(run, "damsm", damsmFile), "");
  const image = stateUnder(tensors, "image");
  return { text: stateUnder(tensors, "text"), image, inception: stateUnder(image, "inception") };
}

it("is refused without weights, with both remedies; weights are refused without Inception", async () => {
  const missing = await refusal(damsm("none"));
  expect(missing).toContain("give --inception FILE");
  expect(missing).toContain("--set damsm.encoder=convolutional");
  const convolutional = loadConfig(at("tiny.yaml"), ["data.workers=0"]);
  expect(await refusal(damsm("none", { config: convolutional, inception }))).toContain(
    "damsm.encoder is convolutional, which does not use Inception",
  );
  const pinned = { ...config, damsm: { ...config.damsm, inceptionSha256: "0".repeat(64) } };
  expect(await refusal(damsm("none", { config: pinned, inception }))).toContain(
    `its SHA-256 is ${sha256Of(inception)}, but damsm.inceptionSha256 is 0000`,
  );
});

it("a run folder contains the weights: DAMSM and GAN are resumed without the file, to the same bytes", async () => {
  await damsm("whole", { inception });
  expect(openRun(at("whole", "damsm")).config.damsm.inceptionSha256).toBe(sha256Of(inception));
  await damsm("resumed", { inception, steps: 1 });
  // A run without a checkpoint needs the same file again.
  cpSync(at("resumed"), at("early"), { recursive: true });
  for (const name of ["checkpoints", damsmFile]) rmSync(at("early", "damsm", name), { recursive: true });
  expect(await refusal(damsm("early", { config: "resume" }))).toContain("give --inception FILE");
  writeFileSync(at("other"), "other");
  expect(await refusal(damsm("early", { config: "resume", inception: at("other") }))).toContain(
    "its SHA-256 is",
  );

  await damsm("resumed", { config: "resume" });
  const bytes = (run: string, file: string) => readFileSync(at(run, file));
  expect(bytes("resumed", `damsm/${damsmFile}`).equals(bytes("whole", `damsm/${damsmFile}`))).toBe(true);

  const { tensors: given } = readTensors(inception, "");
  for (const [name, tensor] of networksOf("whole").inception)
    if (Buffer.compare(tensor.toBytes(), given.get(name)!.toBytes()) !== 0) expect.fail(`${name} has moved`);

  const gan = (run: string, options: Partial<TrainOptions> = {}) =>
    train("gan", { ...{ data, run: at(run), config, device: "cpu" }, ...options });
  await gan("whole");
  await gan("resumed", { steps: 1 });
  await gan("resumed", { config: "resume" });
  expect(bytes("resumed", "model.safetensors").equals(bytes("whole", "model.safetensors"))).toBe(true);
  expect(readMetrics(at("whole", "metrics.jsonl"))[0]!["damsm/words"]).toBeGreaterThan(0);

  // Generation only needs the text encoder, which the model contains.
  rmSync(at("whole", "damsm"), { recursive: true });
  expect([...new ImageGenerator(at("whole"), { device: "cpu" }).generate(["a small bird"])]).toHaveLength(1);
});

it("trains the text encoder and the two layers after Inception", async () => {
  const resumed = networksOf("resumed");
  const start = readTensors(at("resumed", "damsm", "checkpoints", "step-0000001.safetensors"), "").tensors;
  for (const [name, tensor] of [...resumed.text].filter(([name]) => !name.startsWith("encoder")))
    expect([
      name,
      tensor
        .sub(start.get(`text.${name}`)!)
        .abs()
        .sum()
        .item() > 0,
    ]).toEqual([name, true]);
  for (const name of ["toRegions.weight", "toCode.weight", "toCode.bias"])
    expect(
      resumed.image
        .get(name)!
        .sub(start.get(`image.${name}`)!)
        .abs()
        .sum()
        .item(),
    ).toBeGreaterThan(0);
});

it("a DAMSM that begins with another one's weights has its Inception, without the file", async () => {
  await damsm("begun", { from: at("resumed"), steps: 1 });
  const [own, theirs] = [networksOf("begun").inception, networksOf("resumed").inception];
  expect(own.size).toBe(theirs.size);
  for (const [name, tensor] of own) expect([name, tensor.equal(theirs.get(name)!)]).toEqual([name, true]);
  expect(openRun(at("begun", "damsm")).config.damsm.inceptionSha256).toBe(sha256Of(inception));
  await damsm("begun", { config: "resume" });

  expect(await refusal(damsm("none", { from: at("resumed"), inception }))).toContain("leave the option out");
  const pinned = { ...config, damsm: { ...config.damsm, inceptionSha256: "0".repeat(64) } };
  expect(await refusal(damsm("none", { from: at("resumed"), config: pinned }))).toContain(
    `the DAMSM to begin with has the Inception ${sha256Of(inception)}`,
  );
});
