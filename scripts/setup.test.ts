import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { arePackagesInstalled } from "./npm-packages.mjs";
import { ROOT } from "./setup.mjs";

const setup = join(ROOT, "scripts/setup.mjs");

test("set-up with nothing to do takes less than two seconds", () => {
  // Builds what is out of date: Vitest may have been started without the set-up of `npm test`.
  execFileSync(process.execPath, [setup]);
  const started = performance.now();
  const output = execFileSync(process.execPath, [setup], { encoding: "utf8" });
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(output).toMatch(/^✓ ready \(\d\.\d s\)\n$/);
}, 300_000);

test("a wrong environment variable ends set-up with one message, exit code 1 and no stack", () => {
  const env = { ...process.env, LIBTORCH: "/no/such/folder" };
  const { status, stderr } = spawnSync(process.execPath, [setup], { env, encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^✗ LIBTORCH=\/no\/such\/folder cannot be used/);
  expect(stderr).not.toMatch(/^\s+at /m);
});

test("packages count as installed if npm's record has what the lock file names", () => {
  const root = mkdtempSync(join(tmpdir(), "sdgan-setup-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const lock = {
    "": {},
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "2.0.0", optional: true },
  };
  const write = (path: string, packages: object) =>
    writeFileSync(join(root, path), JSON.stringify({ packages }));
  write("package-lock.json", lock);
  expect(arePackagesInstalled(root)).toBe(false);

  cpSync(join(root, "package-lock.json"), join(root, "node_modules/.package-lock.json"));
  expect(arePackagesInstalled(root)).toBe(true);
  write("node_modules/.package-lock.json", { "node_modules/a": { version: "1.0.0" } });
  expect(arePackagesInstalled(root)).toBe(true);
  write("node_modules/.package-lock.json", { "node_modules/a": { version: "0.9.0" } });
  expect(arePackagesInstalled(root)).toBe(false);
});
