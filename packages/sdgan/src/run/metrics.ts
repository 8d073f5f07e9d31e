import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { writeFileAtomic } from "../util/atomic-file.js";
import { onDisk } from "../util/system-errors.js";
import { EventFile } from "./tensorboard.js";

/**
 * A run's metrics: one JSON object per line in `metrics.jsonl` (`{"step":10,"generator/stage1":4.2}`, null for values
 * that are not finite), and the same values as curves for TensorBoard in the same folder. Two runs with the same seed
 * write the same `metrics.jsonl`, byte for byte; values that depend on the clock are written to TensorBoard only.
 */
export class MetricsLog implements Disposable {
  readonly #path: string;
  readonly #file: number;
  readonly #events: EventFile;

  /**
   * Continues after step `afterStep`, 0 for a new run: lines of later steps and an incomplete last line are removed, so
   * that a resumed run's file equals that of an uninterrupted one.
   */
  constructor(path: string, afterStep: number) {
    keepUpTo(afterStep, path);
    this.#path = path;
    this.#file = onDisk(path, () => openSync(path, "a"));
    this.#events = onDisk(path, () => new EventFile(dirname(path), afterStep + 1));
  }

  /** Values that are reproducible from seed, data and configuration: losses, scores. */
  write(step: number, values: Record<string, number>): void {
    onDisk(this.#path, () => writeSync(this.#file, `${JSON.stringify({ step, ...values })}\n`));
    this.#events.scalars(step, values);
  }

  /** Values that depend on the machine: seconds per step, memory. */
  writeTimings(step: number, values: Record<string, number>): void {
    this.#events.scalars(step, values);
  }

  /** An image for TensorBoard. */
  writeImage(step: number, tag: string, png: Uint8Array): void {
    this.#events.image(step, tag, png);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    this.#events.close();
  }
}

/** The lines of a `metrics.jsonl`. Invalid lines, such as an incomplete last one after a crash, are skipped. */
export function readMetrics(path: string): Metrics[] {
  return linesOf(path).map(({ metrics }) => metrics);
}

/** One line: the step, and its values by name. */
export type Metrics = { step: number } & Record<string, number | null>;

function keepUpTo(step: number, path: string): void {
  if (!existsSync(path)) return;
  const kept = linesOf(path).filter(({ metrics }) => metrics.step <= step);
  writeFileAtomic(path, kept.map(({ line }) => `${line}\n`).join(""));
}

function linesOf(path: string): { line: string; metrics: Metrics }[] {
  const lines = onDisk(path, () => readFileSync(path, "utf8")).split("\n");
  lines.pop(); // after the last line break: nothing, or an incomplete line
  return lines.flatMap((line) => {
    const metrics = parse(line);
    return metrics ? [{ line, metrics }] : [];
  });
}

function parse(line: string): Metrics | undefined {
  try {
    const value = JSON.parse(line);
    return Number.isInteger(value?.step) ? value : undefined;
  } catch {
    return undefined;
  }
}
