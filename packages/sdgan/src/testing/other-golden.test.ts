/**
 * Runs the golden tests on files of other sizes, settings and phases. Text encoder and generator have
 * different widths.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "other-golden-"));
process.env.GOLDEN_DIR = folder;
afterAll(() => rmSync(folder, { recursive: true }));

// Only modules imported after this line read GOLDEN_DIR.
const { writeOtherGolden } = await import("./other-golden.js");
writeOtherGolden(folder);

// Each module declares its tests when it is imported.
await import("../models/golden.test.js");
await import("../losses/damsm.golden.test.js");
await import("../evaluation/metrics/metrics.golden.test.js");
await import("../training/gan-trainer.golden.test.js");
await import("../exchange/exchange.test.js");
