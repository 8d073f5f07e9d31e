import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { expect, it, onTestFinished, vi } from "vitest";
import { RunServing } from "./run-serving.js";

/**
 * Stands in for `sdgan export onnx`: it takes as long as a file `wait` exists, and fails for the run `none`, or if a file `full`
 * exists.
 */
const PROGRAM = `
const { existsSync, writeFileSync } = require("node:fs");
const run = process.argv[process.argv.indexOf("--run") + 1];
if (run.endsWith("none")) { console.error("sdgan: none: no model"); process.exit(1); }
if (existsSync(__dirname + "/full")) {
  const out = process.argv[process.argv.indexOf("--out") + 1];
  writeFileSync(out + ".partial", "");
  console.error("sdgan: " + out + ": the disk is full (ENOSPC)");
  process.exit(1);
}
writeFileSync(__dirname + "/begun", "");
const timer = setInterval(() => { if (!existsSync(__dirname + "/wait")) clearInterval(timer); }, 5);
`;

/** A program, and a temporary folder of the test's own, in the folder that is returned. */
function prepared(): string {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-serving-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "program.cjs"), PROGRAM);
  mkdirSync(join(folder, "tmp"));
  vi.stubEnv("TMPDIR", join(folder, "tmp"));
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}

/** The folders of exported models. */
function modelsIn(folder: string): string[] {
  return readdirSync(join(folder, "tmp")).flatMap((each) => readdirSync(join(folder, "tmp", each)));
}

it("exports a run and serves its model, in requests that wait for a limited time", async () => {
  const folder = prepared();
  writeFileSync(join(folder, "wait"), "");
  const add = vi.fn(async () => {});
  using serving = new RunServing(join(folder, "program.cjs"), () => ({ add }), 50);
  expect(await serving.serve("runs/mine")).toBeUndefined();
  await expect(serving.serve("runs/other")).rejects.toThrow("Another run is being exported");
  await expect(serving.serve("runs/mine/damsm")).rejects.toThrow("DAMSM generates no images");
  rmSync(join(folder, "wait"));
  await vi.waitFor(async () => expect(await serving.serve("runs/mine")).toBe("mine"), 20_000);
  expect(add).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/mine$/));
  await vi.waitFor(() => expect(serving.serve("runs/none")).rejects.toThrow("none: no model"), 20_000);
});

it("keeps one exported model of a run, and none that failed or is not loaded", async () => {
  const folder = prepared();
  const add = vi.fn(async () => {});
  using serving = new RunServing(join(folder, "program.cjs"), () => ({ add }));
  expect(await serving.serve("runs/mine")).toBe("mine");
  const first = modelsIn(folder);
  expect(await serving.serve("runs/mine")).toBe("mine");
  expect(modelsIn(folder)).toHaveLength(1);
  expect(modelsIn(folder)).not.toEqual(first);
  await expect(serving.serve("runs/none")).rejects.toThrow("no model");
  add.mockRejectedValueOnce(new UserError("cannot be loaded", { code: "model.invalid" }));
  await expect(serving.serve("runs/mine")).rejects.toThrow("cannot be loaded");
  expect(modelsIn(folder)).toHaveLength(1);
});

it("says so in one line if the temporary folder cannot be written", async () => {
  const folder = prepared();
  rmSync(join(folder, "tmp"), { recursive: true });
  using serving = new RunServing(join(folder, "program.cjs"), () => ({ add: async () => {} }));
  await expect(serving.serve("runs/mine")).rejects.toMatchObject({
    ...{ status: 409, message: expect.stringMatching(/tmp: the exported model .*ENOENT/) },
  });
});

it("says on a full disk what to do, and keeps the model that is served and nothing else", async () => {
  const folder = prepared();
  const add = vi.fn(async () => {});
  using serving = new RunServing(join(folder, "program.cjs"), () => ({ add }));
  await serving.serve("runs/mine");
  const served = modelsIn(folder);
  writeFileSync(join(folder, "full"), "");
  await expect(serving.serve("runs/mine")).rejects.toMatchObject({
    status: 409,
    message: `${join(folder, "tmp")}: the exported model cannot be written here, the disk is full (ENOSPC): make room, or start sdgan with another folder in TMPDIR`,
  });
  expect(add).toHaveBeenCalledOnce();
  expect(modelsIn(folder)).toEqual(served);
  rmSync(join(folder, "full"));
  expect(await serving.serve("runs/mine")).toBe("mine");
});

it("answers that the server is stopping, and waits for the export's process", async () => {
  const folder = prepared();
  writeFileSync(join(folder, "wait"), "");
  using serving = new RunServing(join(folder, "program.cjs"), () => ({ add: async () => {} }));
  const served = expect(serving.serve("runs/mine")).rejects.toMatchObject({
    ...{ status: 503, code: "server_stopping" },
  });
  await vi.waitFor(() => expect(existsSync(join(folder, "begun"))).toBe(true), 20_000);
  await serving.stop();
  await served;
  expect(modelsIn(folder)).toEqual([]);
});
