import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { compile, copyPackage, resultOf } from "./testing/compiled.js";

/** Trains a step and generates with every copy in turn: each uses all of the addon's own operators. */
const program = (copies: readonly string[]) => `
const urls = ${JSON.stringify(copies.map((copy) => pathToFileURL(join(copy, "dist/index.js")).href))};
const copies = [];
for (const url of urls) copies.push(await import(url));
const results = copies.map((torch) => {
  const { functional, grad, manualSeed, nn, optim, randn, Tensor } = torch;
  manualSeed(1);
  const norm = new nn.BatchNorm2d(4, { activation: "glu" });
  const weight = randn([2, 3, 4, 4]);
  weight.requiresGrad = true;
  const adam = new optim.Adam([...norm.namedParameters("norm."), ["weight", weight]]);
  const x = randn([2, 4, 5, 5]).to({ memoryFormat: "channels_last" });
  const y = functional.convTranspose2d(norm.forward(x), weight, { stride: 2, padding: 1 });
  const attention = functional.wordAttention(y, y.select(0, 0).select(0, 0).gt(9), 4);
  adam.step(grad([y.square().sum().add(attention.square().sum())], [...adam.parameters.values()]));
  return [y instanceof Tensor, y.sum().item(), weight.sum().item(), torch.schema("node_torch::batch_norm").length > 0];
});
let mixed = "";
try {
  copies[0].ones([1]).add(copies[1].ones([1]));
  mixed = "taken";
} catch (error) {
  mixed = error.constructor.name;
}
const own = copies.every(({ ones, Tensor }) => ones([1]) instanceof Tensor && ones([1]).add(1) instanceof Tensor);
const apart = copies[0].Tensor !== copies[1].Tensor;
console.log(JSON.stringify({ results, mixed, own, apart }));
process.exit(0);`;

// Separate processes that load libtorch: seconds, and more on a busy machine.
vi.setConfig({ testTimeout: 180_000 });
beforeAll(compile);

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "sdgan-copies-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

const withCache = (cacheHome: string) => ({ ...process.env, XDG_CACHE_HOME: cacheHome });

interface Outcome {
  results: unknown[][];
  mixed: string;
  own: boolean;
  apart: boolean;
}

it("three copies of the package compute side by side in one process", async () => {
  const into = folder();
  const copies = ["a", "b", "c"].map((name) => copyPackage(join(into, name), into).folder);
  const { results, mixed, own, apart } = (await resultOf(program(copies), withCache(into))) as Outcome;
  expect(results[0]![0]).toBe(true);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  expect([mixed, own, apart]).toEqual(["TypeError", true, true]);
});

it("two copies that share the addon's file keep their own classes", async () => {
  const into = folder();
  const a = copyPackage(join(into, "a"), into);
  const b = copyPackage(join(into, "b"), into, a.addon);
  const { results, own, apart } = (await resultOf(program([a.folder, b.folder]), withCache(into))) as Outcome;
  expect(results[1]).toEqual(results[0]);
  expect([own, apart]).toEqual([true, true]);
});
