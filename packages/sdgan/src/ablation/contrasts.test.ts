import { expect, it, vi } from "vitest";
import { contrastsOf, contrastsToReport } from "./contrasts.js";

// Every variant's configuration is loaded many times.
vi.setConfig({ testTimeout: 60_000 });

const asText = (contrasts: readonly { one: string; other: string }[]) =>
  contrasts.map(({ one, other }) => `${one} − ${other}`);
const standard = ["full − contrastive-none", "full − baseline"];

it("reports full minus control, baseline and SCBN alone, and control minus SCBN alone", () => {
  expect(asText(contrastsToReport("birds-64"))).toEqual([
    ...standard,
    "full − scbn-both",
    "contrastive-none − scbn-both",
  ]);
});

it("takes the SCBN that is configured, for any number of stages", () => {
  const scbnOf = (...set: string[]) => asText(contrastsToReport("birds-64", set)).slice(2);
  expect(scbnOf("generator.scbn=[sentence,word,word]")).toEqual(["full − scbn", "contrastive-none − scbn"]);
  expect(scbnOf("generator.stages=2", "generator.scbn=[both,both]")[0]).toBe("full − scbn-both");
  expect(scbnOf("generator.scbn=word")[0]).toBe("full − scbn-word");
  expect(scbnOf("generator.scbn=[none,word,both]")).toEqual([]); // No variant has this alone.
  expect(scbnOf("generator.scbn=none")).toEqual([]);
});

it("does not subtract a variant from an equal one, nor report a contrast twice", () => {
  // Without the loss's weight, full is the control.
  expect(asText(contrastsToReport("birds-64", ["contrastive.weight=0"]))).toEqual([
    "full − baseline",
    "full − scbn-both",
  ]);
  const asked = [
    { one: "full", other: "baseline" },
    { one: "per-element", other: "baseline" }, // Equal to full.
    { one: "per-element", other: "full" },
    { one: "raw", other: "full" },
  ];
  expect(asText(contrastsToReport("birds-64", [], asked)).slice(4)).toEqual(["raw − full"]);
});

it("refuses unknown variants, and one minus itself", () => {
  const refused = (one: string, other: string) => () => contrastsToReport("birds-64", [], [{ one, other }]);
  expect(refused("full", "rawr")).toThrow('--contrast: no variant "rawr"; did you mean raw?');
  expect(refused("raw", "raw")).toThrow("--contrast raw,raw: expected two different variants");
});

it("pairs runs by seed, finds runs of equal variants, and leaves out what has no pair", () => {
  const run = (variant: string, seed: number, consistencyRatio: number) => ({
    ...{ variant, seed, figures: { consistencyRatio } },
  });
  const runs = [
    run("full", 0, 0.5),
    run("full", 1, 0.4),
    run("full", 2, 0.1),
    run("raw", 1, 0.6),
    run("raw", 0, 0.6),
    run("siamese", 7, 0.6),
  ];
  const names = [
    { one: "per-element", other: "raw" },
    { one: "full", other: "siamese" },
    { one: "full", other: "baseline" },
  ];
  const [contrast, ...more] = contrastsOf(runs, names, new Map([["per-element", "full"]]));
  expect(more).toEqual([]);
  expect(contrast).toMatchObject({ one: "per-element", other: "raw" });
  const { measure, n, difference, interval } = contrast!.comparisons[0]!;
  expect([measure, n]).toEqual(["consistencyRatio", 2]);
  expect(difference).toBeCloseTo(-0.15);
  // t = 12.706, s = 0.0707.
  expect(interval![0]).toBeCloseTo(-0.15 - 12.706 * 0.05, 3);
  expect(interval![1]).toBeCloseTo(-0.15 + 12.706 * 0.05, 3);
});
