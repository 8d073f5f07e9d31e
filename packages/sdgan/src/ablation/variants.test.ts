import type { Config } from "@sdgan/core";
import { expect, it } from "vitest";
import { makeGenerator } from "../artifacts/model.js";
import { loadConfig } from "../config/load.js";
import { settingsOf, type Variant, variants } from "./variants.js";

const small = ["text.width=16", "generator.width=4", "generator.scbnHidden=8", "discriminator.width=4"];
const named = (name: string): Variant => variants.find((variant) => variant.name === name)!;
const configOf = (name: string, set: string[] = small): Config =>
  loadConfig("birds-64", [...set, ...settingsOf(named(name), loadConfig("birds-64", set))]);

const parametersOf = (config: Config): number =>
  makeGenerator(config)
    .parameters()
    .reduce((sum, { shape }) => sum + shape.reduce((size, side) => size * side, 1), 0);

it("every variant occurs once, with a name that is valid for a folder", () => {
  const names = variants.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z0-9.-]+$/);
  expect(names).toEqual(expect.arrayContaining(["baseline", "scbn", "siamese", "full", "alpha-0", "raw"]));
});

it("every variant has as many images per step, and differs from the configuration only in what it varies", () => {
  const base = loadConfig("birds-64", small);
  for (const { name } of variants) {
    const config = configOf(name);
    expect(config.training.batch * (config.siamese.enabled ? 2 : 1)).toBe(2 * base.training.batch);
    const rest = ({ generator, training, siamese, contrastive, ...others }: Config) => ({
      ...others,
      generator: { ...generator, scbn: [] },
      training: { ...training, batch: 0 },
      siamese: { ...siamese, enabled: true, sharedNoise: true },
    });
    expect([name, rest(config)]).toEqual([name, rest(base)]);
  }
});

it("variants switch on the parts that their names state", () => {
  const parts = (name: string) => {
    const { generator, siamese } = configOf(name);
    return [generator.scbn.join(), siamese.enabled];
  };
  expect(parts("baseline")).toEqual(["none,none,none", false]);
  expect(parts("scbn-sentence")).toEqual(["sentence,sentence,sentence", false]);
  expect(parts("scbn-word")).toEqual(["word,word,word", false]);
  expect(parts("scbn")).toEqual(["sentence,word,word", false]);
  expect(parts("siamese")).toEqual(["none,none,none", true]);
  expect(parts("full")).toEqual(["both,both,both", true]);
  expect(parts("published")).toEqual(["sentence,word,word", true]);
  expect(configOf("published").siamese.sharedNoise).toBe(false);
  expect(configOf("alpha-0.05").contrastive.alpha).toBe(0.05);
  for (const distance of ["raw", "unit", "letter"] as const)
    expect(configOf(distance).contrastive).toMatchObject({ distance, loss: "pairs", real: false });
  expect(configOf("info-nce").contrastive).toMatchObject({ loss: "infoNce", real: true });
  expect(configOf("contrastive-generator").contrastive).toMatchObject({
    generator: true,
    discriminator: false,
  });
  expect(configOf("contrastive-discriminator").contrastive).toMatchObject({
    ...{ generator: false, discriminator: true },
  });
});

it("Siamese branches and the contrastive loss add no parameters; SCBN does", () => {
  const [baseline, siamese, scbn, full] = ["baseline", "siamese", "scbn-both", "full"].map((name) =>
    parametersOf(configOf(name)),
  );
  expect(siamese).toBe(baseline);
  expect(full).toBe(scbn);
  expect(scbn).toBeGreaterThan(baseline!);
  for (const { name } of variants.filter(({ scbn, set }) => set && !scbn))
    expect(parametersOf(configOf(name))).toBe(full);
});
