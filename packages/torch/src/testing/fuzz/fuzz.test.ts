import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { Outcome } from "./main.js";

const child = fileURLToPath(new URL("child.mjs", import.meta.url));

/** The number of calls, and their seed. It is fixed, so that every run has the same calls. */
const [CALLS, SEED] = [10_000, 2019];

/** Milliseconds. Twelve seconds are enough on an idle machine. */
const LIMIT = 150_000;

it(
  `${CALLS} wrong calls throw JavaScript errors that name the operator, and never end the process`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), "fuzz-"));
    try {
      const last = join(folder, "last.txt");
      const { status, signal, stdout, stderr } = spawnSync(
        process.execPath,
        [child, `${CALLS}`, `${SEED}`, last],
        {
          encoding: "utf8",
          timeout: LIMIT,
          cwd: folder,
        },
      );
      const ended = `the process ended with ${signal ?? status} at call ${readFileSync(last, "utf8").trim()}\n${stderr.slice(-2000)}`;
      expect(status, ended).toBe(0);
      const outcome = JSON.parse(stdout) as Outcome;
      expect(outcome.wrong).toEqual([]);
      expect(outcome.succeeded + outcome.failed).toBe(CALLS);
      expect(outcome.failed).toBeGreaterThan(0.7 * CALLS);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  1.1 * LIMIT,
);
