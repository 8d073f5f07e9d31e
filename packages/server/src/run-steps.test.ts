import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { damsmSteps, isInUse, isUsed, nextStep } from "./run-steps.js";

function newRun(): { run: string; damsm: string } {
  const run = mkdtempSync(join(tmpdir(), "sdgan-steps-"));
  onTestFinished(() => rmSync(run, { recursive: true }));
  const damsm = join(run, "damsm");
  mkdirSync(damsm);
  return { run, damsm };
}

it("is the GAN after DAMSM, and images after the GAN, when there is a result", async () => {
  const { run, damsm } = newRun();
  writeFileSync(join(damsm, "config.yaml"), "");
  expect(await nextStep(damsm)).toBeUndefined();
  writeFileSync(join(damsm, "damsm.safetensors"), "");
  expect(await nextStep(damsm)).toBe("gan");
  writeFileSync(join(run, "config.yaml"), "");
  expect([await nextStep(damsm), await nextStep(run)]).toEqual([undefined, undefined]);
  writeFileSync(join(run, "model.safetensors"), "");
  expect([await nextStep(damsm), await nextStep(run)]).toEqual([undefined, "images"]);
});

it("reads DAMSM's steps from its configuration, not those of another section", async () => {
  const { run, damsm } = newRun();
  expect(await damsmSteps(damsm)).toBeUndefined();
  const text = "seed: 1\ndamsm:\n  batch: 48\n  betas: [0.5, 0.999]\n  steps: 900\ntraining:\n  steps: 5\n";
  for (const folder of [run, damsm]) writeFileSync(join(folder, "config.yaml"), text);
  expect([await damsmSteps(damsm), await damsmSteps(run)]).toEqual([900, undefined]);
  writeFileSync(join(damsm, "config.yaml"), text.replace("  steps: 900\n", ""));
  expect(await damsmSteps(damsm)).toBeUndefined();
});

it("knows a DAMSM whose GAN has begun, and a folder in which a program is training", async () => {
  const { run, damsm } = newRun();
  expect([await isUsed(damsm), await isInUse(damsm)]).toEqual([false, false]);
  writeFileSync(join(run, "config.yaml"), "");
  expect([await isUsed(damsm), await isUsed(run)]).toEqual([true, false]);
  const lock = join(damsm, "lock");
  for (const [holder, used] of [
    [{ pid: process.pid, host: hostname() }, true],
    [{ pid: 2 ** 22 + 1, host: hostname() }, false],
    [{ pid: 1, host: "elsewhere" }, true],
    [{}, false],
  ] as const) {
    writeFileSync(lock, JSON.stringify(holder));
    expect(await isInUse(damsm), JSON.stringify(holder)).toBe(used);
  }
  writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname() }));
  utimesSync(lock, 0, 0);
  expect(await isInUse(damsm)).toBe(false);
});
