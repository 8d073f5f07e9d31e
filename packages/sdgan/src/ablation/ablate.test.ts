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
import { CommandHost } from "../testing/command-host.js";
import { tinyConfig } from "../testing/tiny.js";
import type { AblationResult } from "./results.js";
import { type EvaluationSetting, isEvaluated } from "./run-figures.js";

// Takes a minute on a busy machine.
vi.setConfig({ testTimeout: 400_000, hookTimeout: 120_000 });

const host = new CommandHost();
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-ablate-"));
  writeFileSync(at("tiny.yaml"), `${tinyConfig}\nattributeClassifier: { width: 4, batch: 4, steps: 4 }`);
  const birds = ["prepare", "birds", "--size", "64", "--species", "20", "--images", "26"];
  expect((await host.sdgan(...birds, "--out", at("data"))).code).toBe(0);
});
afterAll(() => {
  host[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Tiny networks that generate 64 pixels, the size that the attribute classifier takes. */
const ablate = (out: string, ...more: string[]) => [
  ...["ablate", "--config", at("tiny.yaml"), "--set", "generator.firstSize=32", "--data", at("data")],
  ...["--out", at(out), "--images", "130", "--threads", "1", ...more],
];
/** Options for the networks that another ablation trained. */
const shared = (out: string) => [
  ...["--damsm", at(out, "shared"), "--attribute-classifier", at(out, "shared")],
  ...["--evaluation-damsm", at(out, "evaluation-damsm")],
];
const result = (out: string) => JSON.parse(readFileSync(at(out, "ablation.json"), "utf8")) as AblationResult;
const metrics = (out: string, variant: string, seed: number) =>
  readFileSync(at(out, "runs", variant, `seed-${seed}`, "metrics.jsonl"), "utf8");

it.each([
  ["SIGHUP", 129],
  ["SIGKILL", null],
] as const)("its trainings save and end after %s", async (signal, code) => {
  const endless = ["--set", "damsm.steps=1000000", "--set", "log.checkpointEvery=1000000"];
  const { child, ended } = startSdgan(...ablate(signal, "--variants", "full", "--seeds", "0", ...endless));
  const training = at(signal, "shared", "damsm");
  while (child.exitCode === null && !existsSync(join(training, "metrics.jsonl"))) await sleep(5);
  child.kill(signal);
  expect((await ended).code).toBe(code);
  const saved = () =>
    readdirSync(join(training, "checkpoints")).filter((name) => /^step-\d+\.saf/.test(name));
  while (saved().length === 0) await sleep(20); // Until the test's time limit.
  expect(saved()).toHaveLength(1);
});

it("resumes after an interruption, repeats nothing, and gives the results of an uninterrupted one", async () => {
  const some = ["--variants", "baseline,full"];
  const { child, ended } = startSdgan(...ablate("stopped", ...some, "--seeds", "0"));
  const running = at("stopped", "runs", "full", "seed-0", "metrics.jsonl");
  while (child.exitCode === null && !existsSync(running)) await sleep(5);
  child.kill("SIGINT");
  const stopped = await ended;
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain("Finishing the current steps");
  const [, command] = /To continue: npx sdgan (.*)/.exec(stopped.stdout)!;
  expect(existsSync(at("stopped", "report.html"))).toBe(false);
  expect(result("stopped").runs.map(({ variant, seed }) => [variant, seed])).toEqual([["baseline", 0]]);

  const model = at("stopped", "runs", "baseline", "seed-0", "model.safetensors");
  const log = at("stopped", "logs", "baseline-seed-0.txt");
  const [before, logged] = [readFileSync(model), readFileSync(log, "utf8")];
  const complete = await sdgan(...command!.split(" "));
  expect(complete).toMatchObject({ code: 0 });
  expect(complete.stdout).toContain("complete");
  expect(readFileSync(model).equals(before)).toBe(true);
  expect(readFileSync(log, "utf8")).toBe(logged);

  const whole = [
    "--variants",
    "baseline,full,per-element",
    "--seeds",
    "0,1",
    "--jobs",
    "2",
    "--contrast",
    "per-element,full",
    ...shared("stopped"),
  ];
  expect(await host.sdgan(...ablate("whole", ...whole))).toMatchObject({ code: 0 });
  for (const variant of ["baseline", "full"])
    expect(metrics("stopped", variant, 0)).toBe(metrics("whole", variant, 0));
  const generated = ({ runs }: AblationResult) =>
    runs.map(({ variant, seed, figures: { secondsPerStep, ...figures } }) => ({ variant, seed, figures }));
  expect(generated(result("stopped"))).toEqual(generated(result("whole")).filter(({ seed }) => seed === 0));
  expect(existsSync(at("whole", "shared"))).toBe(false);
});

it("has all variants in the table; variants of equal configuration share their runs", () => {
  const { runs, rows, references, contrasts } = result("whole");
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
  // per-element equals full, so full minus per-element would be full minus itself.
  expect(contrasts.map(({ one, other }) => [one, other])).toEqual([["full", "baseline"]]);
  const { comparisons } = contrasts[0]!;
  expect(comparisons.map(({ measure }) => measure)).not.toContain("parameters");
  expect(comparisons.map(({ measure }) => measure)).toEqual(
    expect.arrayContaining(["consistencyRatio", "sameCaptionRatio", "noiseDiversity"]),
  );
  expect(comparisons.find(({ measure }) => measure === "attributeAccuracy")).toMatchObject({
    ...{ n: 2, least: 0.5, interval: [expect.any(Number), expect.any(Number)] },
    difference: expect.closeTo(
      full!.figures.attributeAccuracy!.mean - baseline!.figures.attributeAccuracy!.mean,
      9,
    ),
  });
  const markdown = readFileSync(at("whole", "ablation.md"), "utf8");
  expect(markdown).toContain("| baseline: AttnGAN | 2 |");
  expect(markdown).toContain(
    "\nfull minus baseline, paired by seed:\n\n| figure | difference | 95 % interval |",
  );
});

it("uses a run's figures only if they are of its model and of this data", () => {
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

it("trains each run with the settings of its variant and its seed", () => {
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

it("evaluates again with other settings, and trains nothing again", async () => {
  const model = at("stopped", "runs", "baseline", "seed-0", "model.safetensors");
  const before = readFileSync(model);
  const { figures } = result("stopped").runs[0]!;
  const other = ["--images", "120", "--variants", "baseline", "--seeds", "0"];
  expect(await host.sdgan(...ablate("stopped", ...other))).toMatchObject({ code: 0 });
  expect(readFileSync(model).equals(before)).toBe(true);
  const { runs } = result("stopped");
  expect(runs.map(({ variant }) => variant)).toEqual(["baseline"]); // full was evaluated with more images.
  expect(runs[0]!.figures.frechetDistance).not.toBe(figures.frechetDistance);
});

it("writes a report without external resources", () => {
  const { document } = parseHTML(readFileSync(at("whole", "report.html"), "utf8"));
  expect([...document.querySelectorAll("h2")].map(({ textContent }) => textContent)).toEqual([
    "Figures",
    "Over the steps: the parts",
    "The same captions and noise, generated by each variant",
    "Attention to each word",
    "What SCBN adds to the scale",
  ]);
  const headings = [...document.querySelectorAll("h3")].map(({ textContent }) => textContent);
  expect(headings).toContain("full minus baseline, paired by seed");
  const images = [...document.querySelectorAll("img")].map((image) => image.getAttribute("src")!);
  expect(images.length).toBeGreaterThan(30);
  expect(images.filter((source) => !source.startsWith("data:image/png;base64,"))).toEqual([]);
  expect([...document.querySelectorAll("script, link, iframe, object")]).toEqual([]);
});

const root = join(import.meta.dirname, "../../../..");
const { findChromium } = await import(join(root, "scripts/chromium.mjs"));

it.skipIf(!findChromium())(
  "has a report that passes the checks in a browser: light, dark, narrow and in print",
  () => {
    const check = [join(root, "scripts/check-report.mjs"), at("whole", "report.html")];
    expect(execFileSync(process.execPath, check, { encoding: "utf8" })).toContain("All checks passed.");
    expect(readdirSync(at("whole"))).toContain("report-dark.png");
  },
);

it("refuses fewer steps than were trained, another configuration or data, and unknown variants and networks", async () => {
  const refusal = async (...more: string[]) => {
    const { code, stderr } = await host.sdgan(...ablate("whole", "--seeds", "0", ...more));
    expect(code).toBeGreaterThan(0);
    return stderr;
  };
  expect(await refusal("--variants", "full", "--steps", "3")).toContain(
    "was trained for 8 steps, and --steps is 3",
  );
  expect(await refusal("--variants", "full", "--set", "contrastive.weight=2")).toContain(
    "another configuration",
  );
  // This also holds for a run that exists and was not requested.
  expect(await refusal("--variants", "alpha-0", "--set", "contrastive.weight=2")).toContain(
    "another configuration",
  );
  expect(await refusal("--evaluation-damsm", at("missing"))).toContain("there is no trained DAMSM");
  const same = at("stopped", "evaluation-damsm");
  expect(await refusal("--damsm", same, "--evaluation-damsm", same)).toContain("its scores would be biased");
  expect(await refusal("--inception", at("missing"))).toContain("there is no such file");
  const inception = await host.sdgan(...ablate("fresh", "--set", "damsm.encoder=inception"));
  expect(inception.stderr).toContain("train both DAMSMs first");
  expect(existsSync(at("fresh"))).toBe(false);
  const otherBirds = ["prepare", "birds", "--size", "64", "--species", "20", "--images", "1", "--seed", "1"];
  expect((await host.sdgan(...otherBirds, "--out", at("other-data"))).code).toBe(0);
  expect(await refusal("--variants", "full", "--data", at("other-data"))).toMatch(
    /other-data: is not the data that the run began with: .* SHA-256 [0-9a-f]{12}, and .*dependencies\.json records [0-9a-f]{12}/,
  );
  expect(await refusal("--variants", "ful")).toContain("did you mean full?");
  expect(await refusal("--seeds", "a")).toContain("whole numbers");
  expect(await refusal("--contrast", "full")).toContain("Expected two variants with a comma between them");
  expect(await refusal("--contrast", "full,basline")).toContain(
    '--contrast: no variant "basline"; did you mean baseline?',
  );
});

it("continues after a failed run, and retries it", async () => {
  const more = ["--variants", "baseline,full", "--seeds", "0", "--images", "20", ...shared("stopped")];
  const taken = at("failing", "runs", "baseline", "seed-0");
  mkdirSync(taken, { recursive: true });
  writeFileSync(join(taken, "metrics.jsonl"), "not JSON");
  const failing = await host.sdgan(...ablate("failing", ...more));
  expect(failing.code).toBe(1);
  expect(failing.stderr).toContain("baseline, seed 0: sdgan train gan: ");
  expect(failing.stderr).toContain("1 of 2 runs failed");
  expect(result("failing").runs.map(({ variant }) => variant)).toEqual(["full"]);
  rmSync(taken, { recursive: true });
  expect((await host.sdgan(...ablate("failing", ...more))).code).toBe(0);
  expect(result("failing").runs.map(({ variant }) => variant)).toEqual(["baseline", "full"]);
});
