import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../config/load.js";
import { damsmSteps, holdsRun, isInUse, openRun, resumeRun, startRun } from "./run-folder.js";

const config = loadConfig("birds-64", ["seed=7"]);
const vocabulary = '["bird"]';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-run-"));
  path = join(folder, "runs", "first");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Begins a run and releases it. */
function begin(): void {
  using _ = startRun(path, config, vocabulary);
}

it("contains all that is needed to resume", () => {
  const dependsOn = { data: { sha256: "a".repeat(64), folder: "data/birds" } };
  startRun(path, config, vocabulary, dependsOn)[Symbol.dispose]();
  expect(holdsRun(path)).toBe(true);
  using run = resumeRun(path);
  expect(run.config).toEqual(config);
  expect(run.dependsOn).toEqual(dependsOn);
  expect(JSON.parse(readFileSync(run.dependencies, "utf8"))).toEqual(dependsOn);
  expect(readFileSync(run.vocabulary, "utf8")).toBe(vocabulary);
  for (const made of [run.samples, run.checkpoints]) expect(existsSync(made)).toBe(true);
});

it("shows to other programs whether it is in use, and DAMSM's steps", () => {
  expect([isInUse(path), damsmSteps(path)]).toEqual([false, undefined]);
  const run = startRun(path, config, vocabulary);
  expect([isInUse(path), damsmSteps(path)]).toEqual([true, config.damsm.steps]);
  run[Symbol.dispose]();
  expect(isInUse(path)).toBe(false);
  writeFileSync(join(path, "config.yaml"), "damsm: { steps: many }");
  expect(damsmSteps(path)).toBeUndefined();
});

describe("existing files are not overwritten", () => {
  it("refuses to start a run over another", () => {
    begin();
    writeFileSync(join(path, "metrics.jsonl"), "kept");
    expect(begin).toThrow(UserError);
    expect(begin).toThrow(`${path}: already holds a run: continue it with --resume, or use another --run`);
    expect(readFileSync(join(path, "metrics.jsonl"), "utf8")).toBe("kept");
    expect(existsSync(join(path, "lock"))).toBe(false);
  });

  it.each(["vocabulary.json", "dependencies.json", "metrics.jsonl", "checkpoints/step-1.safetensors"])(
    "nor over %s",
    (name) => {
      mkdirSync(join(path, "checkpoints"), { recursive: true });
      writeFileSync(join(path, name), "another file");
      expect(begin).toThrow("a run would overwrite");
      expect(readFileSync(join(path, name), "utf8")).toBe("another file");
      expect(holdsRun(path)).toBe(false);
    },
  );

  it("repeats an interrupted start, and accepts other files in the folder", () => {
    mkdirSync(join(path, "damsm"), { recursive: true });
    writeFileSync(join(path, "vocabulary.json"), vocabulary);
    writeFileSync(join(path, "dependencies.json"), "{}");
    begin();
    expect(holdsRun(path)).toBe(true);
  });
});

it("is no run before all its files are there, and a start that failed can be repeated", () => {
  const fail = () => {
    expect(holdsRun(path)).toBe(false);
    throw new Error("the disk is full");
  };
  expect(() => startRun(path, config, vocabulary, {}, fail)).toThrow("the disk is full");
  expect([holdsRun(path), isInUse(path)]).toEqual([false, false]);
  begin();
  expect(holdsRun(path)).toBe(true);
});

it("refuses to resume a run without recorded dependencies", () => {
  begin();
  rmSync(join(path, "dependencies.json"));
  expect(() => resumeRun(path)).toThrow(`${join(path, "dependencies.json")}: there is no such file`);
  expect(existsSync(join(path, "lock"))).toBe(false);
  expect(openRun(path).config).toEqual(config);
});

it("names what cannot be opened or created", () => {
  expect(() => openRun(path)).toThrow(`${path}: holds no run: config.yaml is missing`);
  expect(() => resumeRun(path)).toThrow(UserError);
  writeFileSync(join(folder, "runs"), "a file in the way");
  expect(begin).toThrow(`${path}: a part of the path is a file, not a folder`);
});

it("removes temporary files when a run is resumed", () => {
  begin();
  const half = join(path, "checkpoints", ".step-1.99.sdgan-tmp");
  writeFileSync(half, "");
  using _ = resumeRun(path);
  expect(existsSync(half)).toBe(false);
});

describe("one training at a time", () => {
  const lock = () => join(path, "lock");
  const holder = (values: object) => JSON.stringify({ pid: process.pid, host: hostname(), ...values });

  it("refuses a second training until the first has ended", () => {
    {
      using _ = startRun(path, config, vocabulary);
      expect(() => resumeRun(path)).toThrow(`process ${process.pid} is training in this run folder`);
      expect(openRun(path).config).toEqual(config);
    }
    resumeRun(path)[Symbol.dispose]();
    expect(existsSync(lock())).toBe(false);
  });

  it("respects the lock of a running process, not of a killed one", async () => {
    begin();
    const other = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
    writeFileSync(lock(), holder({ pid: other.pid }));
    expect(() => resumeRun(path)).toThrow(`process ${other.pid} is training`);
    const gone = new Promise((resolve) => other.once("exit", resolve));
    other.kill("SIGKILL");
    await gone;
    resumeRun(path)[Symbol.dispose]();
  });

  it.skipIf(process.platform !== "linux")(
    "a lock whose process number another process has now is taken over",
    () => {
      begin();
      writeFileSync(lock(), holder({ started: "1" }));
      resumeRun(path)[Symbol.dispose]();
    },
  );

  it("takes over a lock without a process, but not one of another host", () => {
    begin();
    writeFileSync(lock(), "");
    resumeRun(path)[Symbol.dispose]();
    writeFileSync(lock(), holder({ host: "elsewhere" }));
    expect(() => resumeRun(path)).toThrow(
      "on elsewhere is training in this run folder; if it has ended, remove this file",
    );
  });

  it.runIf(process.platform === "linux")(
    "one of another container says nothing by its number; ten minutes after its last word it is taken over",
    () => {
      begin();
      const { pid: gone } = spawnSync(process.execPath, ["--version"]);
      for (const pid of [gone, process.pid]) {
        writeFileSync(lock(), holder({ pid, space: "another container's" }));
        expect(() => resumeRun(path)).toThrow(
          `process ${pid} on ${hostname()} is training in this run folder; if it`,
        );
        const silent = (minutes: number) =>
          utimesSync(lock(), Date.now() / 1000, Date.now() / 1000 - 60 * minutes);
        silent(9);
        expect(() => resumeRun(path)).toThrow("10 minutes after its end the file is ignored");
        expect(isInUse(path)).toBe(true);
        silent(11);
        expect(isInUse(path)).toBe(false);
        resumeRun(path)[Symbol.dispose]();
      }
    },
  );

  it("removes the files of a process that was killed while taking over a lock, not those of a running one", () => {
    begin();
    const { pid: gone } = spawnSync(process.execPath, ["--version"]);
    const [abandoned, living] = ["0", "1"].map((digit) => `${lock()}.${digit.repeat(16)}`) as [
      string,
      string,
    ];
    writeFileSync(abandoned, holder({ pid: gone }));
    writeFileSync(living, holder({}));
    resumeRun(path)[Symbol.dispose]();
    expect([abandoned, living].map((file) => existsSync(file))).toEqual([false, true]);
  });

  it("releases the lock at the end of the process", () => {
    const before = process.listeners("exit");
    startRun(path, config, vocabulary);
    const [onExit] = process.listeners("exit").filter((listener) => !before.includes(listener));
    onExit!(1);
    expect(existsSync(lock())).toBe(false);
    expect(process.listeners("exit")).toEqual(before);
  });
});
