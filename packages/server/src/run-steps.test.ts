import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { nextStep } from "./run-steps.js";

it("is the GAN after DAMSM, and images after the GAN, when there is a result", async () => {
  const run = mkdtempSync(join(tmpdir(), "sdgan-steps-"));
  onTestFinished(() => rmSync(run, { recursive: true }));
  const damsm = join(run, "damsm");
  mkdirSync(damsm);
  writeFileSync(join(damsm, "config.yaml"), "");
  expect(await nextStep(damsm)).toBeUndefined();
  writeFileSync(join(damsm, "damsm.safetensors"), "");
  expect(await nextStep(damsm)).toBe("gan");
  writeFileSync(join(run, "config.yaml"), "");
  expect([await nextStep(damsm), await nextStep(run)]).toEqual([undefined, undefined]);
  writeFileSync(join(run, "model.safetensors"), "");
  expect([await nextStep(damsm), await nextStep(run)]).toEqual([undefined, "images"]);
});
