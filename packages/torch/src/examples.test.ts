import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { compile } from "./testing/compiled.js";
import { freePort } from "./testing/ranks.js";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

/** The lines that an example prints. It runs when it is imported. */
async function printed(name: string): Promise<string[]> {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await import(`../examples/${name}.mjs`);
  return log.mock.calls.map(([line]) => String(line));
}

// One example runs in processes of its own, which import the compiled package.
beforeAll(compile);
afterEach(() => vi.restoreAllMocks());

it("spirals: learns", async () => {
  const lines = await printed("spirals");
  expect(lines).toHaveLength(4);
  expect(Number.parseFloat(lines[3]!)).toBeGreaterThan(99);
});

it("onnx: the exported network classifies as the trained one", async () => {
  expect((await printed("onnx")).at(-1)).toMatch(
    /^\d+ bytes, (99|100)\.\d % classified correctly by onnxruntime$/,
  );
});

it("overhead: measures every call", async () => {
  expect(await printed("overhead")).toHaveLength(7);
});

it("distributed: two processes have the average", async () => {
  const port = await freePort();
  const ends = [0, 1].map(async (rank) => {
    const env = { ...process.env, RANK: `${rank}`, MASTER_PORT: `${port}` };
    const example = fileURLToPath(new URL("../examples/distributed.mjs", import.meta.url));
    return (await promisify(execFile)(process.execPath, [example], { env, timeout: 50_000 })).stdout;
  });
  expect(await Promise.all(ends)).toEqual(["rank 0: 0.5,1,1.5\n", "rank 1: 0.5,1,1.5\n"]);
});

it("the README shows the current examples", () => {
  for (const name of ["spirals", "onnx", "distributed"])
    expect(read("../README.md")).toContain(read(`../examples/${name}.mjs`).trim());
});
