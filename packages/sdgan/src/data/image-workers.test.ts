import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compile, sdgan } from "../testing/cli.js";

let folder: string;
beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-workers-"));
  const birds = ["prepare", "birds", "--size", "64", "--species", "4", "--images", "2"];
  expect((await sdgan(...birds, "--out", join(folder, "data"))).code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("the process lives until the threads have ended, even if answers arrive meanwhile", () => {
  const dist = new URL("../../dist/data/", import.meta.url);
  const program = `
    const { openPrepared } = await import("${new URL("prepared.js", dist)}");
    const { ImageWorkers } = await import("${new URL("image-workers.js", dist)}");
    const { roomFor } = await import("${new URL("pyramid.js", dist)}");
    const data = openPrepared(${JSON.stringify(join(folder, "data"))});
    const { storedSize, size } = data;
    const plan = { images: [0, 1, 2], windows: Array(3).fill({ top: 0, left: 0, flip: false }) };
    for (let i = 0; i < 40; i++) {
      const workers = new ImageWorkers(1, { stored: data.splits.train.stored, sizes: { storedSize, size } });
      const fill = () => workers.fill(plan, roomFor(3, size, [16]));
      await fill();
      for (let job = 0; job < 3; job++) fill().catch(() => {});
      for (const end = performance.now() + i / 20; performance.now() < end; ); // The thread answers meanwhile.
      await workers[Symbol.asyncDispose]();
    }
    console.log("lived");`;
  const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
  expect({ status, stdout: String(stdout) }).toEqual({ status: 0, stdout: "lived\n" });
});
