import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { RunServing } from "./run-serving.js";

/** Stands in for `sdgan export onnx`: it takes as long as a file `wait` exists, and fails for the run `none`. */
const PROGRAM = `
const { existsSync } = require("node:fs");
const run = process.argv[process.argv.indexOf("--run") + 1];
if (run.endsWith("none")) { console.error("sdgan: none: no model"); process.exit(1); }
const timer = setInterval(() => { if (!existsSync(__dirname + "/wait")) clearInterval(timer); }, 5);
`;

it("exports a run and serves its model, in requests that wait for a limited time", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-serving-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const program = join(folder, "program.cjs");
  writeFileSync(program, PROGRAM);
  writeFileSync(join(folder, "wait"), "");
  const add = vi.fn(async () => {});
  using serving = new RunServing(program, () => ({ add }), 50);
  expect(await serving.serve("runs/mine")).toBeUndefined();
  await expect(serving.serve("runs/other")).rejects.toThrow("Another run is being exported");
  await expect(serving.serve("runs/mine/damsm")).rejects.toThrow("DAMSM generates no images");
  rmSync(join(folder, "wait"));
  await vi.waitFor(async () => expect(await serving.serve("runs/mine")).toBe("mine"), 20_000);
  expect(add).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/mine$/));
  await vi.waitFor(() => expect(serving.serve("runs/none")).rejects.toThrow("none: no model"), 20_000);
});
