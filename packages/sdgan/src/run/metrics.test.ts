import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MetricsLog, readMetrics } from "./metrics.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-metrics-"));
  path = join(folder, "metrics.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

function writeSteps(afterStep: number, steps: number[]): void {
  using log = new MetricsLog(path, afterStep);
  for (const step of steps) {
    log.write(step, { loss: 1 / step });
    log.writeTimings(step, { imagesPerSecond: Math.random() });
  }
}

it("writes one object per line, and curves for TensorBoard", () => {
  using log = new MetricsLog(path, 0);
  log.write(10, { loss: 0.1, score: Number.NaN });
  expect(readFileSync(path, "utf8")).toBe('{"step":10,"loss":0.1,"score":null}\n');
  expect(readdirSync(folder).filter((name) => name.includes("tfevents"))).toHaveLength(1);
});

it("a run interrupted at any place and resumed equals an uninterrupted one", () => {
  writeSteps(0, [10, 20, 30, 40]);
  const whole = readFileSync(path, "utf8");
  for (const length of [whole.length, whole.length - 1, whole.length - 9, whole.indexOf('{"step":30') + 3]) {
    writeFileSync(path, whole.slice(0, length));
    writeSteps(20, [30, 40]);
    expect(readFileSync(path, "utf8")).toBe(whole);
  }
});

it("a new run discards metrics of an old one in the folder", () => {
  writeSteps(0, [10, 20]);
  writeSteps(0, [10]);
  expect(readMetrics(path)).toEqual([{ step: 10, loss: 0.1 }]);
});

it("skips incomplete and invalid lines", () => {
  writeSteps(0, [10]);
  appendFileSync(path, '\u0000\u0000\n[1]\nnull\n{"step":20,"loss":1}\n{"step":3');
  expect(readMetrics(path)).toEqual([
    { step: 10, loss: 0.1 },
    { step: 20, loss: 1 },
  ]);
});

it("names a file that cannot be read", () => {
  expect(() => readMetrics(path)).toThrow(UserError);
  expect(() => readMetrics(path)).toThrow(path);
});
