/** Reads broken and hostile files with every reader of this package. Runs in a separate process, which may crash. */
import { closeSync, openSync, readdirSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isTensor, scope } from "../../index.js";
import { randomNumbers } from "../fuzz/values.js";
import { Draw } from "./draw.js";
import { mutated } from "./mutations.js";
import { type FileTarget, fileTargets } from "./targets.js";

export interface FilesOutcome {
  cases: number;
  /** The numbers of files read and refused. */
  read: number;
  refused: number;
  /** Failures: an error that is not about the file, too slow, too much memory, a file left behind. */
  wrong: string[];
  slowest: { seconds: number; case: string };
  /** The case with the most memory. */
  largest: { mebibytes: number; case: string };
}

const SECONDS = 5;
const MEBIBYTES = 500;

/** JavaScript's own errors: a reader that throws them used something unchecked. */
const unchecked =
  /is not a function|is not iterable|Cannot read properties|out of range|Maximum|Invalid array length/;

/**
 * Reads `cases` files made from `seed`, in the empty `folder`; `folder/case` always names the current case. Targets take
 * turns, so that none is left out.
 */
export function fuzzFiles(cases: number, seed: number, folder: string): FilesOutcome {
  const outcome: FilesOutcome = {
    ...{ cases, read: 0, refused: 0, wrong: [] },
    slowest: { seconds: 0, case: "" },
    largest: { mebibytes: 0, case: "" },
  };
  const [path, log] = [join(folder, "file"), openSync(join(folder, "case"), "w")];
  const targets = fileTargets();
  // Memory that the first read allocates once is not counted.
  for (const target of targets) void problemOf(target, target.seeds[0]!, path, { ...outcome });
  for (let i = 0; i < cases; i++) {
    const target = targets[i % targets.length]!;
    const name = `${i}: ${target.name}`;
    writeSync(log, name.padEnd(100), 0);
    const draw = new Draw(randomNumbers(seed * 1_000_003 + i));
    const bytes = bytesOf(target, draw);
    globalThis.gc?.(); // Frees the memory of earlier cases.
    const [peak, held] = [peakMebibytes(), process.memoryUsage.rss() / 2 ** 20];
    const [begin, cpu] = [performance.now(), process.cpuUsage()];
    const problem = problemOf(target, bytes, path, outcome);
    const seconds = (performance.now() - begin) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const wrong = (what: string) => outcome.wrong.push(`${name}: ${what}`);
    if (problem !== undefined) wrong(problem);
    // CPU time, because a busy machine takes longer for everything. An endless wait is ended by the limit of the run.
    if (Math.min(seconds, (user + system) / 1e6) > SECONDS) wrong(`took ${seconds.toFixed(1)} s`);
    // Below an earlier peak it cannot be measured, but that peak was below the limit, so this is too.
    const mebibytes = peakMebibytes() > peak ? Math.round(peakMebibytes() - held) : 0;
    if (mebibytes > MEBIBYTES) wrong(`took ${mebibytes} MiB`);
    if (mebibytes > outcome.largest.mebibytes) outcome.largest = { mebibytes, case: name };
    if (seconds > outcome.slowest.seconds) outcome.slowest = { seconds, case: name };
    const strange = readdirSync(folder).filter((entry) => entry !== "case" && entry !== "file");
    if (strange.length > 0) wrong(`left ${strange.join(", ")}`);
  }
  closeSync(log);
  return outcome;
}

/** Bytes that are mostly mutated at random, sometimes valid, sometimes hostile. */
function bytesOf({ seeds, crafted }: FileTarget, draw: Draw): Uint8Array {
  if (draw.chance(0.1)) return draw.pick(seeds);
  return crafted && draw.chance(0.3) ? crafted(draw) : mutated(draw.pick(seeds), draw);
}

/** Peak of the whole process since its start. */
function peakMebibytes(): number {
  return process.resourceUsage().maxRSS / 1024;
}

/** Reads a file with these bytes. Returns what is wrong with the outcome. */
function problemOf(
  { read }: FileTarget,
  bytes: Uint8Array,
  path: string,
  outcome: Pick<FilesOutcome, "read" | "refused">,
): string | undefined {
  writeFileSync(path, bytes);
  try {
    scope(() => touch(read(path, bytes)));
  } catch (error) {
    outcome.refused++;
    if (!(error instanceof Error)) return `threw a value that is not an Error: ${typeof error}`;
    const { message } = error;
    if (message.length > 1000 || message.includes("\n"))
      return `the message is too long: ${message.slice(0, 200)}`;
    return message === "" || unchecked.test(message) ? `used a value unchecked: ${message}` : undefined;
  }
  outcome.read++;
  return undefined;
}

/** Reads every element of the resulting tensors: one that points beyond its memory would crash here. */
function touch(value: unknown): void {
  if (isTensor(value)) {
    if (value.byteLength < 2 ** 24) value.toBytes();
  } else if (value instanceof Map) {
    for (const item of value.values()) if (isTensor(item)) touch(item);
  }
}
