import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, imageSizes, parseManifest, presetNames, Vocabulary } from "@sdgan/core";
import { manualSeed, nn, noGrad } from "@sdgan/torch";
import type { InferenceSession } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { makeGenerator, publishModel } from "../artifacts/model.js";
import { loadConfig } from "../config/load.js";
import { example, mapped, sourceOf } from "../data/fixtures.js";
import { prepare } from "../data/prepare.js";
import { readIndex } from "../data/prepared.js";
import { TextEncoder } from "../models/text-encoder.js";
import { writeDependencies } from "../run/dependencies.js";
import { startRun } from "../run/run-folder.js";
import { tinyConfig } from "../testing/tiny.js";
import { sha256Of } from "../util/sha256.js";
import { exportOnnxModel } from "./export-onnx.js";
import { compare, tolerances } from "./onnx/check.js";
import { exportGenerator, exportTextEncoder, type Networks } from "./onnx/networks.js";
import { loadRuntime, openSession } from "./onnx/runtime.js";

/** Added to the images of onnxruntime. */
const wrong = vi.hoisted(() => ({ offset: 0 }));

vi.mock("./onnx/runtime.js", async (original) => {
  const runtime = await original<typeof import("./onnx/runtime.js")>();
  const openSession: typeof runtime.openSession = async (...args) => {
    const session = await runtime.openSession(...args);
    const run = session.run.bind(session) as (
      inputs: InferenceSession.FeedsType,
    ) => ReturnType<typeof session.run>;
    session.run = async (inputs: InferenceSession.FeedsType) => {
      const outputs = await run(inputs);
      if (wrong.offset !== 0 && outputs.image_16) (outputs.image_16.data as Float32Array)[5]! += wrong.offset;
      return outputs;
    };
    return session;
  };
  return { ...runtime, openSession };
});

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const options = (run: string, out: string) => ({ run: at(run), out: at(out) });
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "export-onnx-"));
  writeFileSync(at("tiny.yaml"), tinyConfig);
  makeRun("tiny", loadConfig(at("tiny.yaml")));
});
afterAll(() => rmSync(folder, { recursive: true }));

const vocabulary = new Vocabulary(["<end>", ...Array.from({ length: 40 }, (_, i) => `word${i}`)], "unicode");

/** Networks with random weights: every layer affects the images, also those that start at zero. */
function makeNetworks(config: Config): Networks {
  manualSeed(1);
  const text = new TextEncoder({ vocabularySize: vocabulary.size, ...config.text });
  const generator = makeGenerator(config);
  noGrad(() => {
    for (const module of generator.modules()) {
      if (!(module instanceof nn.BatchNorm)) continue;
      nn.init.normal(module.runningMean, 0, 0.2);
      nn.init.uniform(module.runningVar, 0.5, 2);
      nn.init.normal(module.bias, 0, 0.2);
    }
    for (const [name, parameter] of generator.namedParameters())
      if (parameter.abs().max().item() === 0)
        nn.init.normal(parameter, 0, name.endsWith("bias") ? 0.1 : 0.05);
  });
  for (const network of [text, generator]) network.requiresGrad(false).eval();
  generator.to({ memoryFormat: "channels_last" });
  return { text, generator };
}

function makeRun(name: string, config: Config, step = 7): void {
  const { text, generator } = makeNetworks(config);
  startRun(at(name), config, vocabulary.format())[Symbol.dispose]();
  publishModel(at(name), { generator, text }, { step });
}

/** Presets by their networks: those with the same ones are tested together. */
const presets = new Map<string, string[]>();
for (const preset of presetNames) {
  const { generator, text, data } = loadConfig(preset);
  const key = JSON.stringify([generator, text, data.maxWords]);
  presets.set(key, [...(presets.get(key) ?? []), preset]);
}

describe("every preset in onnxruntime", () => {
  it.each([...presets.values()].map((names) => [names.join(), names[0]!] as const))(
    "generates the same images as libtorch: %s",
    { timeout: 300_000 },
    async (_, preset) => {
      const config = loadConfig(preset);
      const networks = makeNetworks(config);
      const lastSize = imageSizes(config.generator).at(-1)!;
      const stored = { weights: "float32", smallestWeight: 0 } as const;
      mkdirSync(at(preset));
      const { file, outputs } = exportGenerator(networks, { textWidth: config.text.width, lastSize }, stored);
      writeFileSync(at(preset, "g.onnx"), file);
      writeFileSync(at(preset, "t.onnx"), exportTextEncoder(networks, stored));
      const captions = [[3], Array.from({ length: config.data.maxWords }, (_, i) => i + 1)];
      const files = { textEncoder: "t.onnx", generator: "g.onnx", outputs };
      const comparison = await compare(at(preset), files, networks, captions);
      expect([...comparison.differences.keys()]).toEqual([
        ...["words", "sentence", ...outputs.images, ...outputs.attentions],
        ...[...outputs.gammas, ...outputs.betas],
      ]);
      expect(Math.max(...comparison.differences.values())).toBeLessThan(1e-4);
      expect(comparison.image).toBeGreaterThan(0);
    },
  );
});

describe("an exported model", () => {
  it("is a folder with networks, vocabulary, card, licences, and a manifest with their hashes", async () => {
    writeFileSync(at("tiny", "LICENSES.txt"), "by somebody");
    const { comparison } = await exportOnnxModel({ ...options("tiny", "model"), license: "CC-BY-4.0" });
    expect(comparison.captions).toBe(32);
    const manifest = parseManifest(readFileSync(at("model", "model.json"), "utf8"), "model.json");
    expect(manifest).toMatchObject({
      ...{ name: "model", license: "CC-BY-4.0", tokenizer: "unicode" },
      networks: {
        textEncoder: { file: "text-encoder.onnx" },
        generator: {
          file: "generator.onnx",
          images: ["image_8", "image_16"],
          attentions: ["attention_16"],
          gammas: ["gamma_8", "gamma_16"],
          betas: ["beta_8", "beta_16"],
        },
      },
      sizes: { images: [8, 16], noise: 8, condition: 8, text: 8, maxWords: 18 },
      vocabulary: { file: "vocabulary.json", words: 41 },
      training: { data: "unknown", dataLicense: "NOASSERTION", steps: 7, seed: 0, commands: [] },
    });
    const names = ["LICENSES.txt", "README.md", "generator.onnx", "text-encoder.onnx", "vocabulary.json"];
    expect(readdirSync(at("model")).sort()).toEqual([...names, "model.json"].sort());
    expect(Object.keys(manifest.files)).toEqual(names);
    for (const [name, { sha256, bytes }] of Object.entries(manifest.files)) {
      expect(sha256Of(at("model", name)), name).toBe(sha256);
      expect(readFileSync(at("model", name)).length, name).toBe(bytes);
    }
    const card = readFileSync(at("model", "README.md"), "utf8");
    expect(parse(card.split("---")[1]!)).toEqual({
      ...{ license: "cc-by-4.0", library_name: "sdgan", pipeline_tag: "text-to-image", model_name: "model" },
      tags: ["text-to-image", "gan", "sd-gan", "onnx"],
    });
    expect(card).toContain("| `generator.onnx` | `z` [B, 8], `epsilon` [B, 8]");
    expect(card).not.toMatch(/undefined|NaN|NOASSERTION|## Evaluation/);
  });

  it("ignores tokens after a caption's end, and takes any number of captions and words", async () => {
    const runtime = await loadRuntime();
    const session = await openSession(runtime, at("model", "text-encoder.onnx"));
    const read = async (tokens: number[][], lengths: number[]) => {
      const { words, sentence } = await session.run({
        tokens: new runtime.Tensor("int64", BigInt64Array.from(tokens.flat(), BigInt), [
          tokens.length,
          tokens[0]!.length,
        ]),
        lengths: new runtime.Tensor("int64", BigInt64Array.from(lengths, BigInt), [lengths.length]),
      });
      return { dims: words!.dims, words: words!.data, sentence: sentence!.data };
    };
    const padded = await read(
      [
        [5, 6, 0, 0],
        [1, 2, 3, 4],
      ],
      [2, 4],
    );
    expect(padded.dims).toEqual([2, 8, 4]);
    expect(
      await read(
        [
          [5, 6, 40, 7],
          [1, 2, 3, 4],
        ],
        [2, 4],
      ),
    ).toEqual(padded);
    const alone = await read([[5, 6]], [2]);
    expect(alone.dims).toEqual([1, 8, 2]);
    for (const [i, value] of (alone.sentence as Float32Array).entries())
      expect(value).toBeCloseTo((padded.sentence as Float32Array)[i]!, 6);
    await session.release();
  });

  it.each([
    ["[sentence, word]", ["gamma_8", "gamma_16"]],
    ["[word, none]", ["gamma_8"]],
    ["none", []],
  ])("has γ_c and β_c of the stages with SCBN: %s", async (scbn, gammas) => {
    const name = `scbn-${scbn.replace(/\W+/g, "-")}`;
    writeFileSync(at(`${name}.yaml`), tinyConfig.replace("scbn: both", `scbn: ${scbn}`));
    makeRun(name, loadConfig(at(`${name}.yaml`)));
    const { manifest, comparison } = await exportOnnxModel(options(name, `${name}-model`));
    const betas = gammas.map((name) => name.replace("gamma", "beta"));
    expect(manifest.networks.generator).toMatchObject({ gammas, betas });
    expect([...comparison.differences.keys()]).toEqual(expect.arrayContaining([...gammas, ...betas]));
    expect(Math.max(...comparison.differences.values())).toBeLessThan(1e-5);
  });

  it("has the figures of an evaluation of the same step in its card", async () => {
    const cardFor = async (step: number) => {
      const evaluation = { step, lines: ["attribute accuracy 0.5"] };
      await exportOnnxModel({ ...options("tiny", `evaluated${step}`), evaluation });
      return readFileSync(at(`evaluated${step}`, "README.md"), "utf8");
    };
    const [same, other] = [await cardFor(7), await cardFor(8)];
    expect(same).toContain("## Evaluation\n\n```\nattribute accuracy 0.5\n```");
    expect(other).not.toContain("attribute accuracy");
  });

  it("of a growing generator has only the active stages", async () => {
    writeFileSync(at("grow.yaml"), `${tinyConfig.replace("steps: 8, p", "steps: 8, grow: [100], p")}`);
    makeRun("growing", loadConfig(at("grow.yaml")));
    const { manifest } = await exportOnnxModel(options("growing", "growing-model"));
    expect(manifest.sizes.images).toEqual([8]);
    expect(manifest.networks.generator).toMatchObject({
      ...{ images: ["image_8"], attentions: [], gammas: ["gamma_8"], betas: ["beta_8"] },
    });
  });

  it("is small in float16 and int8", { timeout: 300_000 }, async () => {
    makeRun("birds", loadConfig("birds-64"));
    const bytes = async (precision: "float16" | "int8") => {
      const { manifest, comparison } = await exportOnnxModel({ ...options("birds", precision), precision });
      expect(comparison.image).toBeLessThanOrEqual(tolerances[precision]);
      expect(comparison.image).toBeGreaterThan(1e-4);
      return manifest.files["generator.onnx"]!.bytes;
    };
    expect(await bytes("float16")).toBeLessThan(3e6);
    expect(await bytes("int8")).toBeLessThan(1.5e6);
  });

  it("records data, preset and commands of its training", async () => {
    const data = at("data");
    await prepare(
      {
        ...sourceOf([example("a", () => mapped(1, 16), [{ text: "word1 word2" }])]),
        ...{ classes: ["a"], variant: { groups: "faces", "skin-tones": "" } },
      },
      { out: data, size: 16 },
    );
    const { sha256 } = readIndex(data);
    makeRun("trained", { ...loadConfig("birds-64", ["generator.width=2", "seed=3"]) });
    writeDependencies(at("trained"), { data: { sha256, folder: data } });
    const { manifest } = await exportOnnxModel(options("trained", "trained-model"));
    expect(manifest.training).toMatchObject({
      ...{ images: 1, seed: 3, preset: "birds-64", settings: ["seed=3", "generator.width=2"] },
      commands: [
        expect.stringMatching(/^npx sdgan prepare \w+ --size 16 --groups faces --skin-tones --out data\//),
        expect.stringContaining("--set seed=3 --set generator.width=2"),
        expect.stringMatching(/^npx sdgan train gan .* --steps 7$/),
      ],
    });
    writeDependencies(at("trained"), { data: { sha256: "0".repeat(64), folder: "elsewhere" } });
    await expect(exportOnnxModel({ ...options("trained", "refused"), data })).rejects.toThrow(
      /is not the data of this run: its index\.json has SHA-256/,
    );
    expect(existsSync(at("refused"))).toBe(false);
  });
});

describe("an export that fails leaves nothing", () => {
  const left = () => readdirSync(folder).filter((name) => name.includes("refused"));

  it("if the images of onnxruntime differ", async () => {
    wrong.offset = 2e-4;
    try {
      await expect(exportOnnxModel(options("tiny", "refused"))).rejects.toMatchObject({
        ...{ name: "UserError", code: "export.differs" },
        message: expect.stringMatching(
          /^the exported image_16 differs from libtorch's by 0\.0002\d*, expected at most 0\.0001 in float32\. /,
        ),
      });
    } finally {
      wrong.offset = 0;
    }
    expect(left()).toEqual([]);
  });

  it("if the folder exists and is not empty", async () => {
    mkdirSync(at("full"));
    writeFileSync(at("full", "mine.txt"), "");
    await expect(exportOnnxModel(options("tiny", "full"))).rejects.toThrow("exists and is not empty");
    expect(readdirSync(at("full"))).toEqual(["mine.txt"]);
  });

  it("if there is no model", async () => {
    startRun(at("untrained"), loadConfig(at("tiny.yaml")), vocabulary.format())[Symbol.dispose]();
    await expect(exportOnnxModel(options("untrained", "refused"))).rejects.toThrow("train the GAN");
    expect(left()).toEqual([]);
  });
});
