import { expect, it, vi } from "vitest";
import { equalVariants, planRuns } from "./plan.js";
import { variants } from "./variants.js";

// Every variant's configuration is loaded many times.
vi.setConfig({ testTimeout: 60_000 });

const runsOf = (config: string, set: string[], ...names: string[]) =>
  planRuns({ config, set, out: "out", variants: names, seeds: [3] });
const study = ["baseline", "scbn-both", "contrastive-none", "full"];

it("applies --set to all variants, except what a variant itself varies", () => {
  const runs = runsOf("birds-64", ["contrastive.weight=5", "siamese.acrossLanguages=true"], ...study);
  expect(runs.map(({ variant, config }) => [variant.name, config.contrastive.weight])).toEqual([
    ...[
      ["baseline", 5],
      ["scbn-both", 5],
      ["full", 5],
    ],
    ["contrastive-none", 0],
  ]);
  for (const { config } of runs) expect(config.siamese.acrossLanguages).toBe(true);
});

it("runs one of variants that --set makes equal, and names it", () => {
  const unit = ["contrastive.distance=unit"];
  expect(runsOf("birds-64", unit, "unit", "full", "letter").map(({ folder }) => folder)).toEqual([
    ...["out/runs/full/seed-3", "out/runs/letter/seed-3"],
  ]);
  expect(equalVariants("birds-64", unit)).toEqual(new Map([["unit", "full"]]));
  const infoNce = ["contrastive.loss=infoNce", "contrastive.real=true"];
  expect(equalVariants("birds-64", infoNce).get("info-nce")).toBe("full");
  expect(equalVariants("birds-64", ["contrastive.weight=0"]).get("contrastive-none")).toBe("full");
  expect(equalVariants("birds-64", ["contrastive.weight=5"])).toEqual(new Map([["per-element", "full"]]));
});

it("plans every variant with two stages", () => {
  const two = ["generator.stages=2", "generator.scbn=[both,both]", "damsm.imageSize=32"];
  const all = variants.map(({ name }) => name);
  for (const { config } of runsOf("birds-64", two, ...all)) expect(config.generator.scbn).toHaveLength(2);
  const [full] = runsOf("birds-64", two, "full");
  expect(full!.config.generator).toMatchObject({ stages: 2, firstSize: 16, scbn: ["both", "both"] });
  const [baseline] = runsOf("faces-64", [...two, "training.grow=[600]"], ...study);
  expect(baseline!.config.generator.scbn).toEqual(["none", "none"]);
});

it("names the setting that a preset with growing stages needs for two stages", () => {
  expect(() => runsOf("faces-64", ["generator.stages=2"], "full")).toThrow(
    "preset emoji-64: training.grow: found [1200,3600], expected 1 step, one for each stage after the first, as " +
      "generator.stages is 2: training.grow=[1200] or training.grow=[] (all stages train from the start)",
  );
});
