import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { compile, sdgan as inNewProcess } from "../testing/cli.js";
import { CommandHost } from "../testing/command-host.js";
import { tinyConfig } from "../testing/tiny.js";

// Trainings take seconds on a busy machine.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 300_000 });

const host = new CommandHost();
const { sdgan } = host;
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-evaluation-damsm-"));
  writeFileSync(at("tiny.yaml"), tinyConfig);
  const birds = ["prepare", "birds", "--size", "16", "--species", "20", "--images", "2"];
  expect(await sdgan(...birds, "--out", at("data"))).toMatchObject({ code: 0 });
  for (const training of ["damsm", "gan"]) {
    const options = ["--config", at("tiny.yaml"), "--data", at("data"), "--run", at("run"), "--steps", "1"];
    expect(await sdgan("train", training, ...options)).toMatchObject({ code: 0 });
  }
});
afterAll(() => {
  host[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

it("trains a DAMSM of another seed, continues it, measures with it, and uses it again", async () => {
  const arguments_ = ["evaluate", "--run", at("run"), "--data", at("data"), "--images", "20"];
  const evaluate = (...more: string[]) => sdgan(...arguments_, ...more);
  const without = await evaluate();
  expect(without).toMatchObject({ code: 1, stdout: "" });
  expect(without.stderr).toMatch(/^sdgan: .*no feature network .*: npx sdgan evaluate .* --train-damsm\n$/);
  expect(await evaluate("--train-damsm", "--damsm", at("other"))).toMatchObject({ code: 2 });

  // An interrupted training: it does not count, and is continued.
  const config = ["--config", at("tiny.yaml"), "--set", "seed=1"];
  const damsm = ["--data", at("data"), "--run", at("run", "evaluation-damsm")];
  expect(await sdgan("train", "damsm", ...config, ...damsm, "--steps", "3")).toMatchObject({ code: 0 });
  const trained = await inNewProcess(...arguments_, "--train-damsm");
  expect(trained).toMatchObject({ code: 0 });
  expect(trained.stderr).toContain(`a DAMSM of seed 1 to measure with, in ${at("run", "evaluation-damsm")}`);
  expect(trained.stdout).toMatch(/^Fréchet distance +[\d.]+ .* damsm /m);
  const weights = () => readFileSync(at("run", "evaluation-damsm", "damsm", "damsm.safetensors"));
  const before = weights();

  const again = await evaluate("--json");
  expect(JSON.parse(again.stdout).networks.damsm.file).toBe(
    at("run", "evaluation-damsm", "damsm", "damsm.safetensors"),
  );
  expect(weights().equals(before)).toBe(true);
});

it("trains nothing if there is nothing to measure", async () => {
  mkdirSync(at("images"));
  for (let i = 0; i < 4; i++) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><circle r="${i + 1}"/></svg>`;
    writeFileSync(at("images", `${i}.svg`), svg);
    writeFileSync(at("images", `${i}.txt`), `a small bird ${i}`);
  }
  const few = await sdgan("prepare", "folder", at("images"), "--size", "16", "--out", at("few"));
  expect(few.stdout).toContain("1 for testing");
  const options = ["--config", at("tiny.yaml"), "--data", at("few"), "--run", at("few-run"), "--steps", "1"];
  for (const training of ["damsm", "gan"])
    expect(await sdgan("train", training, ...options)).toMatchObject({ code: 0 });
  const { code, stderr } = await sdgan(
    ...["evaluate", "--run", at("few-run"), "--data", at("few"), "--train-damsm"],
  );
  expect([code, stderr]).toEqual([1, expect.stringContaining("has one image in the split test")]);
  expect(existsSync(at("few-run", "evaluation-damsm"))).toBe(false);
});

it("prints the result if its report cannot be written", async () => {
  expect(existsSync(at("run", "report.html"))).toBe(true);
  rmSync(at("run", "report.html"));
  mkdirSync(at("run", "report.html"));
  const { code, stdout, stderr } = await sdgan(
    ...["evaluate", "--run", at("run"), "--data", at("data"), "--images", "20"],
  );
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^Fréchet distance/m)]);
  expect(stderr).toMatch(/sdgan: .*report\.html: /);
});
