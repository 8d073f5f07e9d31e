import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DataFuzzOutcome } from "./data-fuzz.js";

/** The compiled file, also if this file runs from source. */
const child = fileURLToPath(new URL("../../../dist/testing/fuzz/data-fuzz-child.js", import.meta.url));

/** Runs the fuzz test in a separate process and folder. Throws if it crashes or exceeds the time limit. */
export function runDataFuzz(cases: number, seed: number, seconds: number): DataFuzzOutcome {
  const root = mkdtempSync(join(tmpdir(), "sdgan-fuzz-"));
  try {
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      [child, `${cases}`, `${seed}`, root],
      {
        ...{ encoding: "utf8", timeout: seconds * 1000, killSignal: "SIGKILL" },
      },
    );
    if (status === 0) return JSON.parse(stdout);
    const under = readFileSync(join(root, "case"), "utf8");
    throw new Error(`the process ended with ${signal ?? status} in case ${under}\n${stderr.slice(-2000)}`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
