import { execFileSync } from "node:child_process";
import {
  copyFileSync,
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
import { setTimeout as sleep } from "node:timers/promises";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Evaluation } from "../evaluation/result.js";
import { compile, sdgan, startSdgan } from "../testing/cli.js";
import { tinyConfig } from "../testing/tiny.js";
import type { AblationResult } from "./results.js";
import { type EvaluationSetting, isEvaluated } from "./run-figures.js";

// A minute on a machine that has other work too.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 });

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-ablate-"));
  writeFileSync(at("tiny.yaml"), `${tinyConfig}\nattributeClassifier: { width: 4, batch: 4, steps: 4 }`);
  const birds = ["prepare", "birds", "--size", "64", "--species", "20", "--images", "26"];
  expect((await sdgan(...birds, "--out", at("data"))).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Tiny networks that draw 64 pixels, which the attribute classifier takes. */
const ablate = (out: string, ...more: string[]) => [
  ...["ablate", "--config", at("tiny.yaml"), "--set", "generator.firstSize=32", "--data", at("data")],
  ...["--out", at(out), "--images", "130", "--threads", "1", ...more],
];
/** What another ablation has trained already. */
const shared = (out: string) => [
  ...["--damsm", at(out, "shared"), "--attribute-classifier", at(out, "shared"), "--judge", at(out, "judge")],
];
const result = (out: string) => JSON.parse(readFileSync(at(out, "ablation.json"), "utf8")) as AblationResult;
const metrics = (out: string, variant: string, seed: number) =>
  readFileSync(at(out, "runs", variant, `seed-${seed}`, "metrics.jsonl"), "utf8");

it("is stopped and goes on, does nothing twice, and comes to what one that never stopped comes to", async () => {
  const some = ["--variants", "baseline,full"];
  const { child, ended } = startSdgan(...ablate("stopped", ...some, "--seeds", "0"));
  const running = at("stopped", "runs", "full", "seed-0", "metrics.jsonl");
  while (child.exitCode === null && !existsSync(running)) await sleep(5);
  child.kill("SIGINT");
  const stopped = await ended;
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain("Finishing the steps under way");
  const [, command] = /To go on: npx sdgan (.*)/.exec(stopped.stdout)!;
  expect(existsSync(at("stopped", "report.html"))).toBe(false);
  expect(result("stopped").runs.map(({ variant, seed }) => [variant, seed])).toEqual([["baseline", 0]]);

  const model = at("stopped", "runs", "baseline", "seed-0", "model.safetensors");
  const log = at("stopped", "logs", "baseline-seed-0.txt");
  const [before, said] = [readFileSync(model), readFileSync(log, "utf8")];
  const complete = await sdgan(...command!.split(" "));
  expect(complete).toMatchObject({ code: 0 });
  expect(complete.stdout).toContain("complete");
  expect(readFileSync(model).equals(before)).toBe(true);
  expect(readFileSync(log, "utf8")).toBe(said);

  const whole = [
    "--variants",
    "baseline,full,per-element",
    "--seeds",
    "0,1",
    "--jobs",
    "2",
    ...shared("stopped"),
  ];
  expect(await sdgan(...ablate("whole", ...whole))).toMatchObject({ code: 0 });
  for (const variant of ["baseline", "full"])
    expect(metrics("stopped", variant, 0)).toBe(metrics("whole", variant, 0));
  const generated = ({ runs }: AblationResult) =>
    runs.map(({ variant, seed, figures: { secondsPerStep, ...figures } }) => ({ variant, seed, figures }));
  expect(generated(result("stopped"))).toEqual(generated(result("whole")).filter(({ seed }) => seed === 0));
  expect(existsSync(at("whole", "shared"))).toBe(false);
});

it("has all variants in the table, those of equal configuration by their twin's runs", () => {
  const { runs, rows, references, comparisons } = result("whole");
  expect(readdirSync(at("whole", "runs")).sort()).toEqual(["baseline", "full"]);
  expect(runs).toHaveLength(4);
  expect(rows.map(({ variant, seeds, sameAs }) => [variant, seeds, sameAs])).toEqual([
    ["baseline", [0, 1], undefined],
    ["full", [0, 1], undefined],
    ["per-element", [0, 1], "full"],
  ]);
  const [baseline, full, twin] = rows;
  expect(twin!.figures).toEqual(full!.figures);
  expect(full!.figures.parameters!.mean).toBeGreaterThan(baseline!.figures.parameters!.mean);
  expect(full!.figures.secondsPerStep!.mean).toBeGreaterThan(0);
  expect(full!.figures).toHaveProperty("attributeAccuracy");
  expect(full!.figures).toHaveProperty("rPrecision");
  expect(references.map(({ title }) => title)).toEqual(["real images", "chance"]);
  expect(comparisons.map(({ measure }) => measure)).not.toContain("parameters");
  expect(comparisons.find(({ measure }) => measure === "attributeAccuracy")).toMatchObject({
    ...{ n: 2, least: 0.5 },
    difference: expect.closeTo(
      full!.figures.attributeAccuracy!.mean - baseline!.figures.attributeAccuracy!.mean,
      9,
    ),
  });
  expect(readFileSync(at("whole", "ablation.md"), "utf8")).toContain("| baseline: AttnGAN | 2 |");
});

it("counts a run's figures only where they are of its model and of this data", () => {
  const folder = at("whole", "runs", "full", "seed-0");
  const found = JSON.parse(readFileSync(join(folder, "evaluation.json"), "utf8")) as Evaluation;
  const setting: EvaluationSetting = {
    ...{ steps: found.step, data: "moved", dataSha256: found.data.sha256, images: found.images },
    networks: Object.fromEntries(Object.entries(found.networks).map(([name, { sha256 }]) => [name, sha256])),
  };
  expect(isEvaluated(folder, setting)).toBe(true);
  expect(isEvaluated(folder, { ...setting, dataSha256: found.model.sha256 })).toBe(false);
  const copy = at("of-another-model");
  mkdirSync(copy);
  for (const name of ["evaluation.json", "model.safetensors"])
    copyFileSync(join(folder, name), join(copy, name));
  expect(isEvaluated(copy, setting)).toBe(true);
  copyFileSync(at("whole", "runs", "full", "seed-1", "model.safetensors"), join(copy, "model.safetensors"));
  expect(isEvaluated(copy, setting)).toBe(false);
  rmSync(join(copy, "model.safetensors"));
  expect(isEvaluated(copy, setting)).toBe(false);
});

it("trains each run as its variant and seed say", () => {
  for (const [variant, batch] of [
    ["baseline", "batch: 8"],
    ["full", "batch: 4"],
  ] as const) {
    const config = readFileSync(at("whole", "runs", variant, "seed-1", "config.yaml"), "utf8");
    expect(config).toContain("seed: 1");
    expect(config.slice(config.indexOf("training:"))).toContain(batch);
  }
  expect(metrics("whole", "baseline", 0)).not.toBe(metrics("whole", "baseline", 1));
});

it("measures again what was measured otherwise, and trains nothing again", async () => {
  const model = at("stopped", "runs", "baseline", "seed-0", "model.safetensors");
  const before = readFileSync(model);
  const { figures } = result("stopped").runs[0]!;
  const otherwise = ["--images", "120", "--variants", "baseline", "--seeds", "0"];
  expect(await sdgan(...ablate("stopped", ...otherwise))).toMatchObject({ code: 0 });
  expect(readFileSync(model).equals(before)).toBe(true);
  const { runs } = result("stopped");
  expect(runs.map(({ variant }) => variant)).toEqual(["baseline"]); // full was measured by more images.
  expect(runs[0]!.figures.frechetDistance).not.toBe(figures.frechetDistance);
});

it("has a page that needs nothing else", () => {
  const { document } = parseHTML(readFileSync(at("whole", "report.html"), "utf8"));
  expect([...document.querySelectorAll("h2")].map(({ textContent }) => textContent)).toEqual([
    "Figures",
    "Over the steps: the parts",
    "The same captions and noise, drawn by each variant",
    "Where it looks for each word",
    "What SCBN adds to the scale",
  ]);
  const images = [...document.querySelectorAll("img")].map((image) => image.getAttribute("src")!);
  expect(images.length).toBeGreaterThan(30);
  expect(images.filter((source) => !source.startsWith("data:image/png;base64,"))).toEqual([]);
  expect([...document.querySelectorAll("script, link, iframe, object")]).toEqual([]);
});

const root = join(import.meta.dirname, "../../../..");
const { findChromium } = await import(join(root, "scripts/chromium.mjs"));

it.skipIf(!findChromium())("has a page that is well in a browser: light, dark, narrow and in print", () => {
  const check = [join(root, "scripts/check-report.mjs"), at("whole", "report.html")];
  expect(execFileSync(process.execPath, check, { encoding: "utf8" })).toContain("All checks passed.");
  expect(readdirSync(at("whole"))).toContain("report-dark.png");
});

it("refuses other steps than were trained, another configuration, and what is no variant", async () => {
  const refusal = async (...more: string[]) => {
    const { code, stderr } = await sdgan(...ablate("whole", "--seeds", "0", ...more));
    expect(code).toBeGreaterThan(0);
    return stderr;
  };
  expect(await refusal("--variants", "full", "--steps", "3")).toContain(
    "was trained for 8 steps, and --steps is 3",
  );
  expect(await refusal("--variants", "full", "--set", "contrastive.weight=2")).toContain(
    "another configuration",
  );
  // … of a run that is there already, though it is not asked for.
  expect(await refusal("--variants", "alpha-0", "--set", "contrastive.weight=2")).toContain(
    "another configuration",
  );
  expect(await refusal("--judge", at("nobody"))).toContain("there is no trained DAMSM");
  expect(await refusal("--damsm", at("stopped", "judge"), "--judge", at("stopped", "judge"))).toContain(
    "would praise what it taught",
  );
  expect(await refusal("--inception", at("nobody"))).toContain("there is no such file");
  const inception = await sdgan(...ablate("fresh", "--set", "damsm.encoder=inception"));
  expect(inception.stderr).toContain("train both DAMSMs first");
  expect(existsSync(at("fresh"))).toBe(false);
  const otherBirds = ["prepare", "birds", "--size", "64", "--species", "20", "--images", "26", "--seed", "1"];
  expect((await sdgan(...otherBirds, "--out", at("other-data"))).code).toBe(0);
  expect(await refusal("--variants", "full", "--data", at("other-data"))).toMatch(
    /other-data: is other data than the run began with: .* SHA-256 [0-9a-f]{12}, and .*dependencies\.json records [0-9a-f]{12}/,
  );
  expect(await refusal("--variants", "ful")).toContain("did you mean full?");
  expect(await refusal("--seeds", "a")).toContain("whole numbers");
});

it("a run that fails does not hold the others up, and is tried again", async () => {
  const more = ["--variants", "baseline,full", "--seeds", "0", ...shared("stopped")];
  const taken = at("failing", "runs", "baseline", "seed-0");
  mkdirSync(taken, { recursive: true });
  writeFileSync(join(taken, "metrics.jsonl"), "somebody's");
  const failing = await sdgan(...ablate("failing", ...more));
  expect(failing.code).toBe(1);
  expect(failing.stderr).toContain("baseline, seed 0: sdgan train gan: ");
  expect(failing.stderr).toContain("1 of 2 runs failed");
  expect(result("failing").runs.map(({ variant }) => variant)).toEqual(["full"]);
  rmSync(taken, { recursive: true });
  expect((await sdgan(...ablate("failing", ...more))).code).toBe(0);
  expect(result("failing").runs.map(({ variant }) => variant)).toEqual(["baseline", "full"]);
});
