import { describe, expect, it } from "vitest";
import { UserError } from "../errors.js";
import { configFields } from "./config-fields.js";
import { damsmImageSize, imageSizes, learningRateFactor, stagesAfter, stepsSinceGrowth } from "./derived.js";
import { isPresetName, type PresetName, presetNames, presets } from "./presets.js";
import { presetLayers, resolveConfig } from "./resolve.js";
import { configSchema } from "./schema.js";

describe("presets", () => {
  // Node and browsers compare with the same snapshot. Its changes show what changed in a preset.
  it.each<[PresetName, number[], number]>([
    ["birds-64", [16, 32, 64], 64],
    ["birds-128", [32, 64, 128], 64],
    ["emoji-64", [16, 32, 64], 64],
    ["faces-64", [16, 32, 64], 64],
    ["photos-64", [16, 32, 64], 64],
    ["cub", [64, 128, 256], 256],
    ["coco", [64, 128, 256], 256],
    ["flowers", [64, 128, 256], 256],
  ])("%s", (name, sizes, damsmSize) => {
    const config = resolveConfig(presetLayers(name));
    expect(imageSizes(config.generator)).toEqual(sizes);
    expect(damsmImageSize(config)).toBe(damsmSize);
    expect(config.generator.scbn).toHaveLength(sizes.length);
    expect(configSchema.parse(config)).toEqual(config);
    expect(config).toMatchSnapshot();
  });

  it("of small data sets augment what discriminators see, and mirror photographs but not icons", () => {
    const of = (name: PresetName) => resolveConfig(presetLayers(name));
    const policy = ["translation", "cutout"];
    expect(of("faces-64")).toMatchObject({
      ...{ data: { crop: false, flip: false }, augment: { policy, padding: 1 } },
      training: { damsmWeight: 0.1, batch: 8 },
    });
    expect(of("photos-64")).toMatchObject({
      ...{ data: { crop: true, flip: true }, augment: { policy, padding: 0 } },
      training: { damsmWeight: 1 },
    });
    expect(of("birds-64").augment.policy).toEqual([]);
  });

  it("are known by their names", () => {
    expect(Object.keys(presets)).toEqual([...presetNames]);
    expect(presetNames.every(isPresetName)).toBe(true);
    expect(isPresetName("toString")).toBe(false);
  });
});

describe("resolveConfig", () => {
  it("overrides earlier values with later ones, and keeps the rest", () => {
    const layers = [
      ...presetLayers("birds-64"),
      { where: "mine.yaml", values: { generator: { width: 24 } } },
    ];
    const config = resolveConfig(layers);
    expect(config.generator).toMatchObject({ width: 24, firstSize: 16 });
    expect(resolveConfig([])).toEqual(configSchema.parse({}));
  });

  it.each([
    [{ generator: { widht: 24 } }, "mine.yaml: generator.widht: unknown key; did you mean generator.width?"],
    [{ generator: { width: "wide" } }, 'mine.yaml: generator.width: found "wide", expected a number'],
    [
      { augment: { policy: ["color", "hue"] } },
      'mine.yaml: augment.policy.1: found "hue", expected color, translation, cutout',
    ],
    [
      { augment: { policy: ["color", "color"] } },
      'mine.yaml: augment.policy: found ["color","color"], expected each kind at most once',
    ],
    [
      { augment: { target: 0.6 } },
      "mine.yaml: augment.policy: found nothing, expected at least one kind, as augment.target is 0.6",
    ],
    [{ penalty: { kind: "r2" } }, 'mine.yaml: penalty.kind: found "r2", expected none, r1, matchingAware'],
    [{ penalty: { every: 0 } }, "mine.yaml: penalty.every: found 0, expected more than 0"],
    [{ training: { batch: 1 } }, "mine.yaml: training.batch: found 1, expected at least 2"],
    [
      { damsm: { encoder: "vgg" } },
      'mine.yaml: damsm.encoder: found "vgg", expected convolutional or inception',
    ],
    [
      { generator: { firstSize: 24 } },
      "mine.yaml: generator.firstSize: found 24, expected a power of two of at least 8",
    ],
  ])("reports the place, the key and the expected value: %j", (values, message) => {
    const resolve = () => resolveConfig([...presetLayers("birds-64"), { where: "mine.yaml", values }]);
    expect(resolve).toThrow(UserError);
    expect(resolve).toThrow(message);
    expect(resolve).toThrow(expect.objectContaining({ code: "config.invalid" }));
  });
});

it("stages join after the steps of training.grow, and steps are counted from the last one that joined", () => {
  const growing = configSchema.parse({ training: { grow: [2, 5] } });
  const steps = [0, 1, 2, 3, 5, 6, 9];
  expect(steps.map((step) => stagesAfter(growing, step))).toEqual([1, 1, 2, 2, 3, 3, 3]);
  expect(steps.map((step) => stepsSinceGrowth(growing, step))).toEqual([0, 1, 2, 1, 3, 1, 4]);
  const whole = configSchema.parse({});
  expect(steps.map((step) => [stagesAfter(whole, step), stepsSinceGrowth(whole, step)])).toEqual(
    steps.map((step) => [3, step]),
  );
});

describe("learningRateFactor", () => {
  const factors = (decay: string) => {
    const config = configSchema.parse({ training: { decay, steps: 8 } });
    return [0, 2, 4, 6, 8, 9].map((steps) => learningRateFactor(config, steps));
  };

  it("decreases to zero over training.steps", () => {
    expect(factors("none")).toEqual([1, 1, 1, 1, 1, 1]);
    expect(factors("linear")).toEqual([1, 0.75, 0.5, 0.25, 0, 0]);
    const half = Math.SQRT1_2 / 2;
    for (const [i, expected] of [1, 0.5 + half, 0.5, 0.5 - half, 0, 0].entries())
      expect(factors("cosine")[i]).toBeCloseTo(expected, 12);
  });
});

it("every key has a description", () => {
  const fields = configFields();
  expect(fields.length).toBeGreaterThan(50);
  for (const { path, description } of fields) expect([path, description.length > 5]).toEqual([path, true]);
});
