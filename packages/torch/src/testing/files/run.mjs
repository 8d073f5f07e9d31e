import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const child = fileURLToPath(new URL("child.mjs", import.meta.url));

/**
 * Runs the fuzz of files in a separate process and folder. Throws if it crashes or hangs in a case.
 *
 * @param {number} cases
 * @param {number} seed
 * @param {number} seconds after which it counts as hanging
 * @returns {import("./main.js").FilesOutcome}
 */
export function runFilesFuzz(cases, seed, seconds) {
  const folder = mkdtempSync(join(tmpdir(), "files-fuzz-"));
  try {
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      ["--expose-gc", child, `${cases}`, `${seed}`, folder],
      {
        ...{ encoding: "utf8", cwd: folder, timeout: seconds * 1000, killSignal: "SIGKILL" },
      },
    );
    if (status === 0) return JSON.parse(stdout);
    const under = readFileSync(join(folder, "case"), "utf8").trim();
    throw new Error(`the process ended with ${signal ?? status} in case ${under}\n${stderr.slice(-2000)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
