/** Training that begins with another run's weights (`--from`). */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, UserError, type Vocabulary } from "@sdgan/core";
import { loadSafetensors, scope } from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { loadConfig } from "../config/load.js";
import { birds } from "../data/birds/index.js";
import type { Caption, Source } from "../data/dataset.js";
import { prepare } from "../data/prepare.js";
import { exportOnnxModel } from "../exchange/export-onnx.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { openRun } from "../run/run-folder.js";
import { compile, sdgan } from "../testing/cli.js";
import { tinyConfig } from "../testing/tiny.js";
import { sha256Of } from "../util/sha256.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { type Training, type TrainOptions, train } from "./train.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const config = (...set: string[]): Config => loadConfig(at("tiny.yaml"), ["data.workers=0", ...set]);
const begin = (training: Training, run: string, more: Partial<TrainOptions> = {}) =>
  train(training, { data: at("mine"), run: at(run), config: config(), device: "cpu", steps: 4, ...more });
const resume = (training: Training, run: string, steps: number) =>
  begin(training, run, { config: "resume", steps });
const bothFrom = async (run: string, steps: number) => {
  for (const training of ["damsm", "gan"] as const) await begin(training, run, { from: at("source"), steps });
};

/** Birds with other captions: "red" becomes "crimson", which the source does not know, and "this" is left out. */
function otherWords(source: Source): Source {
  const change = (caption: Caption): Caption => ({
    ...caption,
    text: caption.text.replaceAll("red", "crimson").replaceAll("this", ""),
  });
  return {
    ...source,
    name: "mine",
    async *examples() {
      for await (const example of source.examples())
        yield { ...example, captions: example.captions.map(change) };
    },
  };
}

const licence = (title: string) => ({
  ...{ of: "images" as const, title, author: "A designer", license: "CC-BY-4.0", package: `${title}@1.0.0` },
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-finetuning-"));
  writeFileSync(at("tiny.yaml"), tinyConfig);
  const source = { ...birds({ species: 20, imagesPerSpecies: 4, size: 16 }), licences: [licence("birds")] };
  await prepare(source, { out: at("data"), size: 16 });
  const mine = birds({ species: 12, imagesPerSpecies: 3, size: 16, seed: 5 });
  await prepare({ ...otherWords(mine), licences: [licence("mine")] }, { out: at("mine"), size: 16 });
  for (const training of ["damsm", "gan"] as const)
    await begin(training, "source", { data: at("data"), steps: 3 });
  await bothFrom("tuned", 4);
  await begin("damsm", "first", { from: at("source"), steps: 0 });
  await begin("gan", "first-gan", { from: at("source"), damsm: at("tuned"), steps: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const numbers = (file: string, name: string) =>
  scope(() => loadSafetensors(at(file)).tensors.get(name)!.toNumbers());
const words = (...names: string[]): Vocabulary => loadVocabulary(at(...names, "vocabulary.json"));
const record = (...names: string[]) => JSON.parse(readFileSync(at(...names, "dependencies.json"), "utf8"));

/** The embedding of each word in a file, by the word. */
function embeddings(file: string, { words }: Vocabulary, prefix = "text"): Map<string, number[]> {
  const rows = numbers(file, `${prefix}.encoder.weight`);
  const width = rows.length / words.length;
  return new Map(words.map((word, i) => [word, rows.slice(i * width, (i + 1) * width)]));
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message).not.toContain("\n");
  return (error as UserError).message;
}

describe("the vocabulary of a run that begins with another one", () => {
  it("has the data's words with their tokens, then the other words of the source", () => {
    const [own, data, source] = [words("tuned"), words("mine"), words("source")];
    expect(data.words).not.toEqual(source.words.slice(0, data.size));
    expect(own.words.slice(0, data.size)).toEqual(data.words);
    expect(own.words.slice(data.size)).toEqual(source.words.filter((word) => !data.words.includes(word)));
    expect(own.words.slice(data.size)).toEqual(expect.arrayContaining(["red", "this"]));
    expect(source.words).not.toContain("crimson");
    expect(words("tuned", "damsm").words).toEqual(own.words);
  });

  it("gives known words the source's embedding, and new words those of a new network", () => {
    const first = join("first", "damsm", "checkpoints", "step-0000000.safetensors");
    const source = embeddings(join("source", "damsm", "damsm.safetensors"), words("source"));
    const begun = embeddings(first, words("tuned"));
    for (const [word, row] of begun)
      if (source.has(word)) expect([word, row]).toEqual([word, source.get(word)]);
    const added = [...begun].filter(([word]) => !source.has(word));
    expect(added.map(([word]) => word)).toContain("crimson");
    for (const value of added.flatMap(([, row]) => row)) expect(Math.abs(value)).toBeLessThanOrEqual(0.1);
    expect(new Set(added.flatMap(([, row]) => row)).size).toBeGreaterThan(added.length);
  });

  it("is trained: embeddings of words in the data change, those of other words stay", () => {
    const source = embeddings(join("source", "damsm", "damsm.safetensors"), words("source"));
    const trained = embeddings(join("tuned", "model.safetensors"), words("tuned"));
    expect(trained.get("red")).toEqual(source.get("red"));
    expect(trained.get("bird")).not.toEqual(source.get("bird"));
  });

  it("is read by the model: words of both", () => {
    const imageGenerator = new ImageGenerator(at("tuned"), { device: "cpu" });
    const { tokens, unknown } = imageGenerator.read("this crimson bird is red or mauve");
    expect(tokens.map((token) => imageGenerator.vocabulary.words[token])).toEqual([
      ...["this", "crimson", "bird", "is", "red"],
    ]);
    expect(unknown).toEqual(["or", "mauve"]);
  });
});

it("begins with the averaged generator, the discriminators and DAMSM of the source, and new optimizers", () => {
  const first = join("first-gan", "checkpoints", "step-0000000.safetensors");
  const last = join("source", "checkpoints", "step-0000003.safetensors");
  scope(() => {
    const begun = loadSafetensors(at(first)).tensors;
    const model = loadSafetensors(at("source", "model.safetensors")).tensors;
    const checkpoint = loadSafetensors(at(last)).tensors;
    for (const [name, tensor] of begun) {
      const [, network, rest] = /^([^.]+)\.(.*)$/.exec(name)!;
      const from = /^(generator|average)$/.test(network!)
        ? model.get(`generator.${rest}`)
        : /^discriminator\d$/.test(network!)
          ? checkpoint.get(name)
          : undefined;
      if (from) expect([name, tensor.equal(from)]).toEqual([name, true]);
      if (/Adam/.test(name)) expect([name, tensor.abs().sum().toNumbers()]).toEqual([name, [0]]);
    }
    expect([...begun.keys()].filter((name) => /^discriminator1\./.test(name))).not.toEqual([]);
    const damsm = loadSafetensors(at("first", "damsm", "checkpoints", "step-0000000.safetensors")).tensors;
    const theirs = loadSafetensors(at("source", "damsm", "damsm.safetensors")).tensors;
    const images = [...theirs].filter(([key]) => key.startsWith("image."));
    expect(images.length).toBeGreaterThan(3);
    for (const [key, tensor] of images) expect([key, damsm.get(key)!.equal(tensor)]).toEqual([key, true]);
  });
});

it("records the hashes of the files that it began with, and the licences of both data", () => {
  const hash = (...names: string[]) => ({ sha256: sha256Of(at(...names)), file: at(...names) });
  expect(record("tuned", "damsm").from).toEqual([hash("source", "damsm", "damsm.safetensors")]);
  expect(record("tuned").from).toEqual([
    hash("source", "model.safetensors"),
    hash("source", "checkpoints", "step-0000003.safetensors"),
  ]);
  for (const run of ["tuned", join("tuned", "damsm")]) {
    const text = readFileSync(at(run, "LICENSES.txt"), "utf8");
    expect(text).toMatch(/mine \(images\)[\s\S]*trained on other data:[\s\S]*birds \(images\)/);
  }
  const { metadata } = scope(() => loadSafetensors(at("tuned", "model.safetensors")));
  expect(metadata).toMatchObject({
    dataSource: "mine, birds",
    dataLicences: JSON.stringify([licence("mine"), licence("birds")]),
  });
});

it("is exported with all words and licences, and without commands that would train another model", async () => {
  const { manifest } = await exportOnnxModel({ run: at("tuned"), out: at("tuned-onnx") });
  expect(manifest.vocabulary.words).toBe(words("tuned").size);
  expect(manifest.training).toMatchObject({ data: "mine", dataLicense: "NOASSERTION", commands: [] });
  expect(readFileSync(at("tuned-onnx", "LICENSES.txt"), "utf8")).toMatch(/mine[\s\S]*birds/);
  const { manifest: source } = await exportOnnxModel({ run: at("source"), out: at("source-onnx") });
  expect(source.training.dataLicense).toBe("CC-BY-4.0");
  expect(source.training.commands).toHaveLength(3);
});

it("continues bit for bit without the source, also from its first checkpoint", async () => {
  renameSync(at("source"), at("away"));
  try {
    for (const steps of [0, 2]) {
      const run = `resumed-${steps}`;
      for (const training of ["damsm", "gan"] as const) {
        renameSync(at("away"), at("source"));
        await begin(training, run, { from: at("source"), steps });
        renameSync(at("source"), at("away"));
        await resume(training, run, 4);
      }
      for (const file of ["model.safetensors", "metrics.jsonl", join("damsm", "damsm.safetensors")])
        expect([file, readFileSync(at(run, file)).equals(readFileSync(at("tuned", file)))]).toEqual([
          file,
          true,
        ]);
    }
  } finally {
    renameSync(at("away"), at("source"));
  }
});

it("a run that ended before its first checkpoint is not begun again with random weights", async () => {
  cpSync(at("tuned"), at("unsaved"), { recursive: true });
  rmSync(at("unsaved", "checkpoints"), { recursive: true });
  expect(await refusal(resume("gan", "unsaved", 5))).toMatch(
    /there is no checkpoint.*begin it again with --from/,
  );
});

it("a run without checkpoints gives its generator, with a warning", async () => {
  cpSync(at("source"), at("bare"), { recursive: true });
  rmSync(at("bare", "checkpoints"), { recursive: true });
  const warnings: string[] = [];
  const onWarning = (line: string) => warnings.push(line);
  const options = { from: at("bare"), damsm: at("tuned"), steps: 1, onWarning };
  await begin("gan", "from-bare", options);
  expect(warnings).toEqual([expect.stringMatching(/bare: has no checkpoint, so .* new discriminators/)]);
  expect(words("from-bare").words).toEqual(words("tuned").words);
});

it("warns if DAMSM was not trained on from the source's", async () => {
  const warnings: string[] = [];
  await begin("damsm", "other", { steps: 1 });
  await begin("gan", "other", { from: at("source"), steps: 1, onWarning: (line) => warnings.push(line) });
  expect(warnings).toEqual([
    expect.stringMatching(/other.damsm: this DAMSM was not trained on from the one in/),
  ]);
});

describe("the command line", () => {
  it("uses the source's configuration, with all stages, and names the next command", async () => {
    compile();
    cpSync(at("source"), at("growing"), { recursive: true });
    const file = at("growing", "damsm", "config.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("grow: []", "grow: [1]"));
    const same = ["--data", at("mine"), "--run", at("by-command")];
    const set = ["--set", "seed=3"];
    const begun = await sdgan("train", "damsm", "--from", at("growing"), ...same, ...set, "--steps", "1");
    expect([begun.code, begun.stderr]).toEqual([0, expect.stringContaining("damsm")]);
    expect(begun.stdout).toContain(
      `Next: npx sdgan train gan --from ${at("growing")} --set seed=3 --data ${at("mine")} --run ${at("by-command")}`,
    );
    const { config: own } = openRun(at("by-command", "damsm"));
    expect(own).toEqual({ ...openRun(at("source", "damsm")).config, seed: 3 });
    const resumed = await sdgan("train", "damsm", ...same, "--resume", "--from", at("growing"));
    expect([resumed.code, resumed.stderr]).toEqual([2, expect.stringContaining("leave out --from")]);
    expect((await sdgan("train", "damsm", ...same, "--resume", "--steps", "2")).code).toBe(0);
  });
});

describe("refuses", () => {
  it.each(["damsm", "gan"] as const)("the run itself: %s", async (training) => {
    const message = await refusal(begin(training, "source", { from: join(at("source"), ".") }));
    expect(message).toMatch(/is the folder of --run itself: give another --run/);
  });

  it.each([
    ["a folder that is not there", () => {}, "nowhere", /there is no such folder/],
    ["an empty folder", () => mkdirSync(at("empty")), "empty", /holds no run: config\.yaml is missing/],
    [
      "DAMSM's own folder",
      () => {},
      join("source", "damsm"),
      /is DAMSM's folder in a run folder; give the run folder itself/,
    ],
    ["a file", () => {}, join("source", "model.safetensors"), /is a file; give the run folder/],
    [
      "an ONNX model",
      () => {
        mkdirSync(at("onnx"));
        writeFileSync(at("onnx", "model.json"), "{}");
      },
      "onnx",
      /is an ONNX model, which cannot be trained on: .*give the run folder that it was exported from/,
    ],
    [
      "exported weights",
      () => {
        mkdirSync(at("exported"));
        writeFileSync(at("exported", "netG.safetensors"), "");
      },
      "exported",
      /make a run folder of them first: sdgan import weights/,
    ],
  ])("%s", async (_, make, from, expected) => {
    make();
    for (const training of ["damsm", "gan"] as const) {
      expect(await refusal(begin(training, "refused", { from: at(from) }))).toMatch(expected);
      expect(existsSync(at("refused"))).toBe(false);
    }
  });

  it("a run without the part that is trained", async () => {
    cpSync(at("source"), at("half"), { recursive: true });
    rmSync(at("half", "model.safetensors"));
    expect(await refusal(begin("gan", "refused", { from: at("half") }))).toMatch(
      /half.model\.safetensors: there is no such file, so there is no trained GAN to begin with: train it first/,
    );
    rmSync(at("half", "damsm", "damsm.safetensors"));
    expect(await refusal(begin("damsm", "refused", { from: at("half") }))).toMatch(
      /damsm\.safetensors: there is no such file, so there is no trained DAMSM to begin with/,
    );
    rmSync(at("half", "damsm"), { recursive: true });
    expect(await refusal(begin("damsm", "refused", { from: at("half") }))).toMatch(/has no DAMSM/);
  });

  it("a GAN without a DAMSM of its own, with the command that trains it", async () => {
    expect(await refusal(begin("gan", "refused", { from: at("source") }))).toContain(
      `train it first: sdgan train damsm --from ${at("source")} --data ${at("mine")} --run ${at("refused")}`,
    );
  });

  it.each([
    ["damsm", "text.width=16"],
    ["damsm", "text.embedding=4"],
    ["damsm", "damsm.width=8"],
    ["gan", "generator.width=8"],
    ["gan", "generator.scbn=none"],
    ["gan", "discriminator.width=8"],
    ["gan", "discriminator.norm=spectral"],
  ] as const)("another shape by its key: %s %s", async (training, setting) => {
    const run = `of-shape-${setting}`;
    const options = {
      from: at("source"),
      config: config(setting),
      ...(training === "gan" && { damsm: at("tuned") }),
    };
    const message = await refusal(begin(training, run, options));
    const [key, value] = setting.split("=");
    expect(message).toContain(`the configuration has ${key} `);
    expect(message).toContain(value!);
    expect(message).toContain(`(--set ${key}=`);
    expect(existsSync(at(run, "config.yaml"))).toBe(false);
  });

  it("data of another tokenizer", async () => {
    const source = {
      ...birds({ species: 12, imagesPerSpecies: 2, size: 16 }),
      tokenizer: "attngan" as const,
    };
    await prepare(source, { out: at("ascii"), size: 16 });
    expect(await refusal(begin("damsm", "refused", { data: at("ascii"), from: at("source") }))).toMatch(
      /ascii: was prepared with the tokenizer attngan, .* trained with unicode: .*--tokenizer unicode/,
    );
  });
});
