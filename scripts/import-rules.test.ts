import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";

/** The import rules are in `biome.json`; `npm test` lints with them. This tests that they refuse what they should. */
const root = join(import.meta.dirname, "..");

const forbidden: [path: string, code: string][] = [
  ["packages/core/src/noise.ts", 'import { readFileSync } from "node:fs";'],
  ["packages/core/src/random.ts", 'import { tensor } from "@sdgan/torch";'],
  ["packages/torch/src/tensor.ts", 'import { train } from "sdgan";'],
  ["packages/images/src/index.ts", 'import { tensor } from "@sdgan/torch";'],
  ["packages/pipeline/src/pipeline.ts", 'import { readFileSync } from "node:fs";'],
  ["packages/pipeline/src/web.ts", 'import { nodeSource } from "./node/source.js";'],
  ["packages/pipeline/src/image.ts", 'import { train } from "sdgan";'],
  ["packages/pipeline/src/node/source.ts", 'import { tensor } from "@sdgan/torch";'],
  ["packages/server/src/server.ts", 'import { train } from "sdgan";'],
  ["packages/server/src/inference/pool.ts", 'import { tensor } from "@sdgan/torch";'],
  ["packages/studio/src/views/generate.tsx", 'import { readFileSync } from "node:fs";'],
  ["packages/studio/src/app.tsx", 'import { train } from "sdgan";'],
  ["packages/studio/src/engine/server.ts", 'import { pipeline } from "@sdgan/pipeline";'],
  ["packages/studio/src/parts/chart.tsx", 'import { WatchView } from "../views/watch.js";'],
  ["packages/sdgan/src/models/scbn.ts", 'import type { GanTrainer } from "../training/gan-trainer.js";'],
  ["packages/sdgan/src/models/inception/a.ts", 'import { openPrepared } from "../../data/prepared.js";'],
  ["packages/sdgan/src/models/a.ts", 'import { readFileSync } from "node:fs";'],
  ["packages/sdgan/src/losses/kl.ts", 'import { Generator } from "../models/generator.js";'],
  ["packages/sdgan/src/generation/a.ts", 'export const load = () => import("../training/train.js");'],
  ["packages/sdgan/src/training/a.ts", 'export { evaluate } from "../evaluation/evaluate.js";'],
  ["packages/sdgan/src/training/b.ts", 'import { reportRun } from "../report/index.js";'],
  ["packages/sdgan/src/evaluation/a.ts", 'import { addTrain } from "../commands/train.js";'],
  ["packages/sdgan/src/distributed/a.ts", 'import { GanTask } from "../training/gan-task.js";'],
  ["packages/sdgan/src/data/a.ts", 'import { placementOf } from "../distributed/environment.js";'],
  ["packages/sdgan/src/data/loader.ts", 'import { parse } from "../testing/events.js";'],
];

const allowed: [path: string, code: string][] = [
  ["packages/core/src/schema.ts", 'import { z } from "zod";'],
  ["packages/pipeline/src/node/box.ts", 'import { readFileSync } from "node:fs";'],
  ["packages/studio/src/engine/worker.ts", 'import { pipeline } from "@sdgan/pipeline";'],
  ["packages/pipeline/src/png.ts", 'import { UserError } from "@sdgan/core";'],
  ["packages/server/src/inference/worker.ts", 'import { pipeline } from "@sdgan/pipeline";'],
  ["packages/sdgan/src/models/generator.ts", 'import { tensor } from "@sdgan/torch";'],
  ["packages/sdgan/src/commands/train.ts", 'import { train } from "../training/train.js";'],
  ["packages/sdgan/src/data/loader.test.ts", 'import { parse } from "../testing/events.js";'],
];

it("refuses imports from a higher layer, and no others", () => {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-import-rules-"));
  try {
    const config = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
    writeFileSync(join(folder, "biome.json"), JSON.stringify({ ...config, vcs: { enabled: false } }));
    for (const [path, code] of [...forbidden, ...allowed]) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), `${code}\n`);
    }
    const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
    const args = [
      biome,
      "lint",
      "--only=style/noRestrictedImports",
      "--reporter=json",
      "--max-diagnostics=none",
    ];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { location: { path: string } }[] };
    const refused = new Set(diagnostics.map(({ location }) => location.path));
    expect([...refused].sort()).toEqual(forbidden.map(([path]) => path).sort());
  } finally {
    rmSync(folder, { recursive: true });
  }
});
