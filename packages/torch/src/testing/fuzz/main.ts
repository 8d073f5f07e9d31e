/** Makes wrong calls, and records each before it is made. Runs in a separate process. */
import { closeSync, openSync, writeSync } from "node:fs";
import { isTensor, scope } from "../../index.js";
import { type Target, targets } from "./targets.js";
import { OwnError, Values } from "./values.js";

export interface Outcome {
  calls: number;
  succeeded: number;
  failed: number;
  /** Thrown values that are not Errors, or do not name the called function. */
  wrong: string[];
}

/** JavaScript's errors about unchecked values: correct, but they do not name the called function. */
const unchecked =
  /is not a function|is not iterable|Cannot read properties of \w+ \(reading '(size|slice|get|keys)'/;

/** Calls between two sets of new tensors. */
const RENEWAL = 40;

/** Makes `calls` calls from `seed`; the file at `path` always names the current call. */
export function fuzz(calls: number, seed: number, path: string): Outcome {
  const file = openSync(path, "w");
  const values = new Values(seed);
  const all = targets();
  const outcome: Outcome = { calls, succeeded: 0, failed: 0, wrong: [] };
  for (let i = 0; i < calls; i++) {
    if (i % RENEWAL === 0) values.renew();
    // Targets take turns, so that none is left out.
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
  if (!(error instanceof Error)) return `threw a value that is not an Error: ${typeof error}`;
  if (error instanceof OwnError) return undefined;
  if (unchecked.test(error.message)) return `used a value unchecked: ${error.message.slice(0, 200)}`;
  return error.message.includes(operator) ? undefined : `does not name it: ${error.message.slice(0, 200)}`;
}

/** Reads every element of the result: a tensor that points beyond its memory would crash here. */
function touch(result: unknown): void {
  if (Array.isArray(result) && result.length < 100) for (const item of result) touch(item);
  if (isTensor(result) && !result.isDisposed && result.device === "cpu" && result.numel < 1e5) {
    try {
      result.toBytes();
    } catch {
      // Sparse tensors have no contiguous bytes.
    }
  }
}
