import { readFileSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

/** The lines that an example prints. It runs when it is imported. */
async function printed(name: string): Promise<string[]> {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await import(`../examples/${name}.mjs`);
  return log.mock.calls.map(([line]) => String(line));
}

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

it("the README shows the current examples", () => {
  for (const name of ["spirals", "onnx"])
    expect(read("../README.md")).toContain(read(`../examples/${name}.mjs`).trim());
});
