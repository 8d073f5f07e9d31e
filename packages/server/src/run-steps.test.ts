import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { isUsed, nextStep } from "./run-steps.js";

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

it("knows a DAMSM whose GAN has begun", async () => {
  const { run, damsm } = newRun();
  expect(await isUsed(damsm)).toBe(false);
  writeFileSync(join(run, "config.yaml"), "");
  expect([await isUsed(damsm), await isUsed(run)]).toEqual([true, false]);
});
