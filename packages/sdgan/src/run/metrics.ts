import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { writeFileAtomic } from "../util/atomic-file.js";
import { onDisk } from "../util/system-errors.js";
import { EventFile } from "./tensorboard.js";

/**
 * A run's numbers: one JSON object a line in `metrics.jsonl` (`{"step":10,"generator/stage1":4.2}`, null for what is
 * not finite), and the same as curves for TensorBoard in the same folder. Two runs from one seed write the same
 * `metrics.jsonl`, byte for byte; what depends on the clock goes to TensorBoard alone.
 */
export class MetricsLog implements Disposable {
  readonly #path: string;
  readonly #file: number;
  readonly #events: EventFile;

  /**
   * Goes on after step `afterStep`, 0 for a new run: lines of later steps, and a last line that was cut short, are
   * removed, so that a resumed run's file equals that of one never interrupted.
   */
  constructor(path: string, afterStep: number) {
    keepUpTo(afterStep, path);
    this.#path = path;
    this.#file = onDisk(path, () => openSync(path, "a"));
    this.#events = onDisk(path, () => new EventFile(dirname(path), afterStep + 1));
  }

  /** What the seed, the data and the configuration decide: losses, scores. */
  write(step: number, values: Record<string, number>): void {
    onDisk(this.#path, () => writeSync(this.#file, `${JSON.stringify({ step, ...values })}\n`));
    this.#events.scalars(step, values);
  }

  /** What the machine decides: seconds a step, memory. */
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

/** The lines of a `metrics.jsonl`; lines that are no metrics, as a crash may leave the last one, are left out. */
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
  lines.pop(); // what follows the last line's end: nothing, or a line that was cut short
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
