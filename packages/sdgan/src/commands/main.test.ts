/** The command line without a trained model: usage, `prepare` and `doctor`. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile, failingImportsOf, sdgan as inNewProcess, sdganWithout } from "../testing/cli.js";
import { CommandHost } from "../testing/command-host.js";
import { CommandTests, captionLine, square } from "../testing/command-tests.js";

// Tests take half a minute on a machine that is busy with other work.
vi.setConfig({ testTimeout: 180_000 });

const tests = new CommandTests();
const { sdgan, at, refusal, refusalOfProcess } = tests;
beforeAll(() => {
  compile();
  writeFileSync(at("file"), "mine");
});
afterAll(() => tests[Symbol.dispose]());

describe("usage", () => {
  it("--help loads no heavy module, and every command's has an example", async () => {
    using without = new CommandHost(failingImportsOf(["@sdgan/torch", "sharp", "zod", "yaml"]));
    for (const command of [
      [],
      ["prepare", "birds"],
      ["prepare", "folder"],
      ["train", "damsm"],
      ["train", "gan"],
      ["train", "attribute-classifier"],
      ["generate"],
      ["evaluate"],
      ["ablate"],
      ["report"],
      ["import", "attngan"],
      ["import", "weights"],
      ["export"],
      ["export", "onnx"],
      ["serve"],
      ["studio"],
      ["setup"],
      ["doctor"],
    ]) {
      const { code, stdout } = await without.sdgan(...command, "--help");
      expect([command, code]).toEqual([command, 0]);
      expect(stdout).toContain("npx sdgan");
    }
  });

  it("names a misspelt command or option, with a suggestion", async () => {
    expect(await refusalOfProcess(2, "trian", "gan")).toBe(
      "sdgan: unknown command 'trian'. Did you mean train?\n",
    );
    expect(await refusalOfProcess(2, "train", "damms")).toContain("Did you mean damsm?");
    expect(await refusalOfProcess(2, "generate", "--captoin", "x")).toContain(
      "'--captoin'. Did you mean --caption?",
    );
  });

  it("names an option without a value, with a wrong value, or missing", async () => {
    expect(await refusalOfProcess(2, "prepare", "birds")).toContain("'--out <folder>' is required");
    expect(await refusalOfProcess(2, "prepare", "birds", "--out")).toContain("argument missing");
    expect(await refusalOfProcess(2, "prepare", "birds", "--out", at("x"), "--size", "100")).toContain(
      "No model generates images of 100 pixels: expected 16, 32, 64, 128, 256, 512. The nearest: 64 or 128",
    );
    expect(await refusalOfProcess(2, "prepare", "birds", "--out", at("x"), "--tokenizer", "bpe")).toContain(
      "Allowed choices are attngan, unicode",
    );
    expect(await refusalOfProcess(2, "generate", "--run", at("run"), "--out", at("x"))).toContain(
      "give --caption",
    );
    expect(await refusalOfProcess(2, "train", "gan", "--data", at("data"), "--run", at("run"))).toContain(
      "give --config",
    );
    const resume = ["train", "gan", "--data", at("data"), "--run", at("run"), "--resume"];
    expect(await refusalOfProcess(2, ...resume, "--set", "seed=1")).toContain("leave out --set");
  });
});

describe("prepare", () => {
  it("reserves the requested share of images for validation, and prints the counts", async () => {
    const birds = ["prepare", "birds", "--species", "20", "--images", "1", "--size", "16"];
    const summary = async (name: string, ...more: string[]) =>
      (await sdgan(...birds, "--out", at(name), ...more)).stdout;
    expect(await summary("val")).toContain(
      "14 images of 16×16 for training, 1 for validation and 5 for testing, 200 captions",
    );
    expect(await summary("val", "--val", "0.2")).toContain(
      "12 images of 16×16 for training, 3 for validation",
    );
    expect(await summary("val", "--val", "0")).toContain("15 images of 16×16 for training, 0 for validation");
    for (const share of ["1", "-0.1", "", "much"])
      expect(await refusal(2, ...birds, "--out", at("val"), `--val=${share}`)).toContain(
        "a number from 0 to below 1",
      );
  });

  it("skips images that are missing or broken, and prints which and why", async () => {
    const good = ["a.svg", "b.svg"].map((name) => captionLine(name)).join("");
    const path = tests.images(
      "some",
      `${good}${captionLine("none.png")}${captionLine("empty.png")}${captionLine("noise.png")}`,
      {
        "a.svg": square("red"),
        "b.svg": square("blue"),
        "empty.png": "",
        "noise.png": "no image",
      },
    );
    const { code, stdout } = await sdgan("prepare", "folder", path, "--out", at("some-data"), "--size", "16");
    expect(code).toBe(0);
    expect(stdout).toContain("3 images were skipped:\n");
    for (const name of ["none.png", "empty.png", "noise.png"]) expect(stdout).toContain(`  ${name}: `);
    expect(stdout).toMatch(/Next: npx sdgan train damsm .*--data/);
  });

  it("refuses data without a usable image, and a broken line with its number", async () => {
    const none = tests.images("none", captionLine("none.png"));
    expect(await refusal(1, "prepare", "folder", none, "--out", at("x"))).toContain("no image can be used");
    const broken = tests.images("broken", `${captionLine("a.svg")}{"image": "b.svg", "cap\n`);
    expect(await refusal(1, "prepare", "folder", broken, "--out", at("x"))).toContain(
      "captions.jsonl:2: not JSON",
    );
    expect(await refusal(1, "prepare", "folder", at("nowhere"), "--out", at("x"))).toContain(
      "no such folder",
    );
  });

  it("refuses an output folder that cannot be written or contains other files", async () => {
    const birds = ["prepare", "birds", "--species", "20", "--images", "1", "--out"];
    expect(await refusal(1, ...birds, at("file", "data"))).toContain("cannot be written");
    mkdirSync(at("others"));
    writeFileSync(at("others", "file"), "mine");
    expect(await refusal(1, ...birds, at("others"))).toContain("is not replaced");
    for (const file of [at("file"), at("others", "file")]) expect(readFileSync(file, "utf8")).toBe("mine");
  });
});

describe("doctor", () => {
  it("prints what the machine has, and what to do if libtorch cannot be loaded", async () => {
    const { code, stdout } = await inNewProcess("doctor");
    expect(code).toBe(0);
    expect(stdout).toMatch(/libtorch +\d+\.\d+/);
    expect(stdout).toMatch(/\d+ GFLOP\/s in float32, \d+ in bfloat16/);
    const without = await sdganWithout(["@sdgan/torch"], "doctor");
    expect(without.code).toBe(1);
    expect(without.stdout).toContain("npx sdgan setup");
  });
});
