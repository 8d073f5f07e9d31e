/** Makes wrong calls, one after another, and writes down each before it is made. Run in a process of its own. */
import { closeSync, openSync, writeSync } from "node:fs";
import { isTensor, scope } from "../../index.js";
import { type Target, targets } from "./targets.js";
import { OwnError, Values } from "./values.js";

export interface Outcome {
  calls: number;
  succeeded: number;
  failed: number;
  /** What was thrown but is no Error, or says nothing of what was called. */
  wrong: string[];
}

/** JavaScript's own errors about a value used unchecked: right, but they do not say what was called. */
const unchecked =
  /is not a function|is not iterable|Cannot read properties of \w+ \(reading '(size|slice|get|keys)'/;

/** Calls between two sets of new tensors. */
const RENEWAL = 40;

/** Makes `calls` calls decided by `seed`; the file at `path` always has the one that is under way. */
export function fuzz(calls: number, seed: number, path: string): Outcome {
  const file = openSync(path, "w");
  const values = new Values(seed);
  const all = targets();
  const outcome: Outcome = { calls, succeeded: 0, failed: 0, wrong: [] };
  for (let i = 0; i < calls; i++) {
    if (i % RENEWAL === 0) values.renew();
    // Each target in turn, so that none is left out.
    const target = all[i % all.length]!;
    writeSync(file, `${i} ${target.name}`.padEnd(200), 0);
    try {
      scope(() => void touch(target.call(values)));
      outcome.succeeded += 1;
    } catch (error) {
      outcome.failed += 1;
      const problem = problemOf(error, target);
      if (problem) outcome.wrong.push(`${i} ${target.name} ${problem}`);
    }
  }
  closeSync(file);
  return outcome;
}

function problemOf(error: unknown, { operator = "" }: Target): string | undefined {
  if (!(error instanceof Error)) return `threw what is no Error, but ${typeof error}`;
  if (error instanceof OwnError) return undefined;
  if (unchecked.test(error.message)) return `used a value unchecked: ${error.message.slice(0, 200)}`;
  return error.message.includes(operator) ? undefined : `does not say so: ${error.message.slice(0, 200)}`;
}

/** Reads every element of what came out: a tensor that points beyond its memory would show here. */
function touch(result: unknown): void {
  if (Array.isArray(result) && result.length < 100) for (const item of result) touch(item);
  if (isTensor(result) && !result.isDisposed && result.device === "cpu" && result.numel < 1e5) {
    try {
      result.toBytes();
    } catch {
      // Sparse tensors have no bytes in order.
    }
  }
}
