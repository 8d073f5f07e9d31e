import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureFolder, onDisk } from "./system-errors.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-folders-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("errors of the file system have a code: file.missing or file.system", () => {
  const reading =
    (...names: string[]) =>
    () =>
      onDisk(at(...names), () => readFileSync(at(...names)));
  expect(reading("none")).toThrow(expect.objectContaining({ name: "UserError", code: "file.missing" }));
  expect(reading(".")).toThrow(expect.objectContaining({ name: "UserError", code: "file.system" }));
});

describe("ensureFolder", () => {
  it("creates missing folders, and does nothing the second time", () => {
    for (let time = 0; time < 2; time++) ensureFolder(at("a", "b", "c"));
    expect(statSync(at("a", "b", "c")).isDirectory()).toBe(true);
    symlinkSync(at("a"), at("link"));
    ensureFolder(at("link", "d"));
    expect(existsSync(at("a", "d"))).toBe(true);
  });

  it("refuses a file where a folder is needed", () => {
    writeFileSync(at("file"), "");
    expect(() => ensureFolder(at("file"))).toThrow(/file: exists and is not a folder\. Give another folder/);
    expect(() => ensureFolder(at("file", "below"))).toThrow(/ENOTDIR/);
  });

  it.runIf(existsSync("/proc"))("ends where the system refuses every folder", () => {
    expect(() => ensureFolder("/proc/nowhere/below")).toThrow(/ENOENT/);
  });
});
