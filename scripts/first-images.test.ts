import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTexts } from "@sdgan/core";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";
import { readBox } from "../packages/sdgan/src/util/box.js";
import { ROOT } from "./setup.mjs";

test("the demo generates images before it needs libtorch or a compiler", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-first-images-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "cache"));
  // Nothing can be found on the PATH or in the cache, and set-up ends at a folder that is not libtorch.
  const env = {
    ...{ PATH: "", HOME: folder, XDG_CACHE_HOME: join(folder, "cache"), LIBTORCH: join(folder, "none") },
    ...{ SDGAN_DEMO: join(folder, "demo"), OMP_NUM_THREADS: "1" },
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, "scripts/demo.mjs")], {
    ...{ env, encoding: "utf8", timeout: 240_000 },
  });
  const grid = join(folder, "demo/first-images/grid.png");
  expect(stdout, stderr).toMatch(
    /✓ first images in \d+\.\d s \(npm packages \d+\.\d, TypeScript \d+\.\d, images \d+\.\d\): \S+grid\.png\n/,
  );
  expect(stdout).toContain(grid);
  expect([status, stderr]).toEqual([1, expect.stringMatching(/✗ LIBTORCH=\S+none cannot be used/)]);

  // onnxruntime's identifier of the machine would be here.
  expect(existsSync(join(folder, "cache/Microsoft"))).toBe(false);

  const { first } = readBox(join(ROOT, "models"));
  const size = JSON.parse(
    readFileSync(join(ROOT, "models", first.model, "model.json"), "utf8"),
  ).sizes.images.at(-1);
  const words = first.captions[0]!.split(" ").join("-");
  const png = readFileSync(join(folder, "demo/first-images", `1-${words}-1.png`));
  expect(await sharp(png).metadata()).toMatchObject({ width: size, height: size });
  expect(readTexts(png)).toMatchObject({ Description: first.captions[0], Seed: "0", Number: "1" });
  expect(await sharp(readFileSync(grid)).metadata()).toMatchObject({ format: "png" });
}, 300_000);
