import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configFields, damsmImageSize, imageSizes, presetNames, UserError } from "@sdgan/core";
import { afterAll, describe, expect, it } from "vitest";
import { formatConfig, loadConfig } from "./load.js";

const folder = mkdtempSync(join(tmpdir(), "sdgan-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The message of the one-line error that `load` must throw. */
function refusal(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).not.toContain("\n");
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

describe("presets", () => {
  it.each(presetNames)("%s loads, and its resolved form loads to the same", (name) => {
    const config = loadConfig(name);
    expect(config.generator.scbn).toHaveLength(config.generator.stages);
    expect(loadConfig(file(`${name}.yaml`, formatConfig(config)))).toEqual(config);
  });

  it("have the sizes of their names and of the papers", () => {
    const sizes = (name: string) => imageSizes(loadConfig(name).generator);
    expect(presetNames).toEqual([
      ...["birds-64", "birds-128", "emoji-64", "faces-64", "photos-64"],
      ...["cub", "coco", "flowers"],
    ]);
    expect(sizes("birds-64")).toEqual([16, 32, 64]);
    expect(sizes("birds-128")).toEqual([32, 64, 128]);
    expect(sizes("cub")).toEqual([64, 128, 256]);
    for (const name of ["cub", "coco", "flowers"]) {
      const config = loadConfig(name);
      expect(sizes(name)).toEqual([64, 128, 256]);
      expect(damsmImageSize(config)).toBe(256);
      expect(damsmImageSize(loadConfig(name, ["damsm.encoder=convolutional"]))).toBe(128);
      expect(config).toMatchObject({
        text: { embedding: 300, width: 256, dropout: 0.5 },
        damsm: {
          ...{ encoder: "inception", batch: 48, learningRate: 2e-3, betas: [0.5, 0.999] },
          ...{ decay: 0.98, clip: 0.25, gamma: [4, 5, 10] },
        },
        training: {
          learningRate: { generator: 2e-4, discriminator: 2e-4 },
          ...{ betas: [0.5, 0.999], average: 0.999, klWeight: 1 },
        },
      });
    }
    expect(loadConfig("cub")).toMatchObject({
      generator: { width: 32, residualBlocks: 2, noise: 100, condition: 100 },
      discriminator: { width: 64 },
      training: { batch: 20, damsmWeight: 5 },
    });
    expect(loadConfig("flowers").generator).toEqual(loadConfig("cub").generator);
    expect(loadConfig("coco")).toMatchObject({
      generator: { width: 48, residualBlocks: 3 },
      discriminator: { width: 96 },
      training: { batch: 14, damsmWeight: 50 },
    });
  });
});

describe("overrides", () => {
  it("are YAML, and the last one wins", () => {
    const config = loadConfig("birds-64", [
      "generator.width=48",
      "generator.width=40",
      "siamese.enabled=false",
      "training.learningRate.generator=1e-4",
      "damsm.gamma=[1, 2, 3]",
      "generator.scbn=[none, sentence, both]",
    ]);
    expect(config.generator.width).toBe(40);
    expect(config.siamese.enabled).toBe(false);
    expect(config.training.learningRate).toEqual({ generator: 1e-4, discriminator: 8e-4 });
    expect(config.damsm.gamma).toEqual([1, 2, 3]);
    expect(config.generator.scbn).toEqual(["none", "sentence", "both"]);
  });

  it("take one kind of SCBN for all stages", () => {
    const { generator } = loadConfig("birds-64", ["generator.scbn=none", "generator.stages=2"]);
    expect(generator.scbn).toEqual(["none", "none"]);
  });
});

describe("files", () => {
  it("extend presets, and other files by paths relative to their own", () => {
    file("base.yaml", "extends: cub\ntraining: { batch: 4 }");
    const top = file("top.yaml", "extends: ./base.yaml\ntraining: { klWeight: 2 }");
    expect(loadConfig(top).training).toMatchObject({ batch: 4, klWeight: 2, damsmWeight: 5 });
  });

  it("may set nothing: all defaults", () => {
    expect(loadConfig(file("braces.yaml", "\ufeff{} # no keys"))).toEqual(
      loadConfig("cub", ["damsm.encoder=convolutional", "damsm.width=32", "damsm.imageSize=64"]),
    );
  });
});

describe("errors name the mistake", () => {
  it.each([
    [
      "generator.widht=48",
      "--set generator.widht=48: generator.widht: unknown key; did you mean generator.width?",
    ],
    [
      "width=48",
      "--set width=48: width: unknown key; did you mean text.width or damsm.width or attributeClassifier.width or generator.width",
    ],
    ["generatr.width=48", "generatr: unknown key; did you mean generator?"],
    ["siamese.colour=1", "siamese.colour: unknown key; known under siamese: enabled, sharedNoise, shareSame"],
    ["__proto__.x=1", "__proto__: unknown key"],
    ["extends=cub", "extends: unknown key"],
    ["generator.width=wide", 'generator.width: found "wide", expected a number'],
    ["generator.width=1.5", "generator.width: found 1.5, expected a whole number"],
    ["generator.width=0", "generator.width: found 0, expected more than 0"],
    ["generator.width=", "generator.width: found nothing, expected a number"],
    ["generator=48", "generator: found 48, expected keys with values"],
    ["seed.x=3", 'seed: found {"x":3}, expected a number'],
    ["text.width=7", "text.width: found 7, expected a multiple of 2"],
    ["text.dropout=1", "text.dropout: found 1, expected less than 1"],
    ["damsm.gamma=[1, 2]", "damsm.gamma: found [1,2], expected a list of 3"],
    ["damsm.betas=[0.5, two]", 'damsm.betas.1: found "two", expected a number'],
    ["damsm.encoder=resnet", 'damsm.encoder: found "resnet", expected convolutional or inception'],
    ["damsm.inceptionSha256=0cc3c7bd", "expected 64 hexadecimal digits"],
    ["contrastive.distance=l1", 'contrastive.distance: found "l1", expected unit, letter, raw, perElement'],
    ["siamese.enabled=yes", 'siamese.enabled: found "yes", expected true or false'],
    ["training.klWeight=.inf", "training.klWeight: found"],
    ["generator.firstSize=24", "generator.firstSize: found 24, expected a power of two"],
    ["generator.stages=2", "expected 2 kinds, one per stage, as generator.stages is 2"],
    [
      "training.grow=[500]",
      "training.grow: found [500], expected 2 steps in ascending order, one for each stage after the first, as " +
        "generator.stages is 3: training.grow=[] (all",
    ],
    ["training.grow=[5, 2]", "training.grow: found [5,2], expected 2 steps in ascending order"],
    [
      "training.grow=[2, 5, 9]",
      "generator.stages is 3: training.grow=[2,5] or training.grow=[] (all stages train from the start)",
    ],
    [
      "generator.scbn=[none, words, none]",
      'generator.scbn: found ["none","words","none"], expected a list of one',
    ],
    ["generator.width", "--set generator.width: expected key.path=value"],
    ["generator.width=[1", "--set generator.width=[1: not valid YAML"],
  ])("--set %s", (override, message) => {
    expect(refusal(() => loadConfig("cub", [override]))).toContain(message);
  });

  it("with the file that holds it", () => {
    const base = file("wrong.yaml", "generator: { widht: 3 }");
    const top = file("over.yaml", "extends: ./wrong.yaml\ntraining: { batch: 1, steps: -1 }");
    expect(refusal(() => loadConfig(base))).toBe(
      `${base}: generator.widht: unknown key; did you mean generator.width?`,
    );
    expect(refusal(() => loadConfig(top))).toMatch(/ \(and 2 more\)$/);
  });

  it.each([
    ["list.yaml", "- 1", "found [1], expected keys with values"],
    ["torn.yaml", "generator: {", "not valid YAML"],
    ["twice.yaml", "seed: 1\nseed: 2", "not valid YAML: line 2 gives the key seed a second time"],
    ["inner.yaml", "training:\n  batch: 1\n  batch: 2", "line 3 gives the key batch a second time"],
    ["tab.yaml", "training:\n\tbatch: 4\n", "line 2 is indented with a tab: use spaces"],
    ["two.yaml", "seed: 1\n---\nseed: 2", "line 2 begins a second document"],
    ["tag.yaml", "a: 1\nseed: !!int64 1", "line 2 has a tag"],
    ["quote.yaml", 'seed: "1', "Missing closing"],
    ["empty.yaml", "", 'is empty, expected keys with values, such as "extends: birds-64"'],
    ["comments.yaml", "# training: { batch: 4 }\n", "the keys are extends, seed, data, text, damsm,"],
    ["utf16.yaml", Buffer.from("seed: 1", "utf16le").toString("latin1"), "is not text in UTF-8"],
    ["nul.yaml", "seed: 1\0", "is not text in UTF-8"],
    [
      "pointer.yaml",
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
      "is a Git LFS pointer",
    ],
    ["page.yaml", "<!doctype html><title>404</title>", "is a web page"],
    ["name.yaml", "birds-64", 'found "birds-64", expected keys with values, such as "extends: birds-64"'],
    [
      "rate.yaml",
      "training: { learningRate: 2e-4 }",
      "training.learningRate: found 0.0002, expected keys with values: generator, discriminator; " +
        "did you mean training.learningRate.generator or training.learningRate.discriminator?",
    ],
    ["inList.yaml", "siamese: [true]", "expected keys with values: enabled, sharedNoise, shareSame"],
    [
      "nothing.yaml",
      "log:\nseed: 1",
      "log: found nothing, expected keys with values: every, gradients, discriminatorOnVal, sampleEvery,",
    ],
    ["number.yaml", "training: 3", "expected keys with values: batch, steps, learningRate, betas,"],
    ["elsewhere.yaml", "sharednoise: true", "unknown key; did you mean siamese.sharedNoise?"],
    ["loop.yaml", "extends: ./loop.yaml", "extends itself"],
    ["lost.yaml", "extends: ./nowhere.yaml", "extends: no file"],
    ["odd.yaml", "extends: 3", "extends: found 3, expected a preset's name or a file"],
  ])("%s", (name, text, message) => {
    const path = file(name, text);
    const refused = refusal(() => loadConfig(path));
    expect(refused).toContain(path);
    expect(refused).toContain(message);
  });

  it("a missing preset or file", () => {
    expect(refusal(() => loadConfig("brids-64"))).toContain("did you mean birds-64?");
    expect(refusal(() => loadConfig("zebra"))).toContain(
      'no preset "zebra". Presets are birds-64, birds-128',
    );
    expect(refusal(() => loadConfig("./none.yaml"))).toContain("no file");
    expect(refusal(() => loadConfig(`${folder}/`))).toContain("cannot be read");
  });
});

it("every key has a description, and every field a default", () => {
  const fields = configFields();
  const sections = new Set(fields.map(({ path }) => path.replace(/\.?[^.]*$/, "")));
  for (const field of fields) {
    expect(field.description, field.path).not.toBe("");
    if (!sections.has(field.path)) expect(field.default, field.path).toBeDefined();
  }
  expect(fields.length).toBeGreaterThan(40);
});
