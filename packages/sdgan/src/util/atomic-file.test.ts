import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import { removeLeftovers, writeAtomic, writeFileAtomic } from "./atomic-file.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-atomic-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("writes and replaces", () => {
  const path = join(folder, "a.json");
  writeFileAtomic(path, "one");
  writeFileAtomic(path, Buffer.from("two"));
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(readdirSync(folder)).toEqual(["a.json"]);
});

it("keeps the former content when writing fails, and leaves no temporary file", () => {
  const path = join(folder, "a.json");
  writeFileAtomic(path, "one");
  const half = () =>
    writeAtomic(path, (temporary) => {
      writeFileSync(temporary, "tw");
      throw new Error("out of ideas");
    });
  expect(half).toThrow("out of ideas");
  expect(readFileSync(path, "utf8")).toBe("one");
  expect(readdirSync(folder)).toEqual(["a.json"]);
});

it("names the path that cannot be written", () => {
  writeFileSync(join(folder, "file"), "");
  const path = join(folder, "file", "a.json");
  expect(() => writeFileAtomic(path, "")).toThrow(UserError);
  expect(() => writeFileAtomic(path, "")).toThrow(
    `${path}: a part of the path is a file, not a folder (ENOTDIR)`,
  );
  mkdirSync(join(folder, "b.json"));
  expect(() => writeFileAtomic(join(folder, "b.json"), "")).toThrow("b.json: it is a folder, not a file");
});

it("removes the files of killed processes, and nothing else", () => {
  writeFileSync(join(folder, ".a.json.123.sdgan-tmp"), "");
  writeFileSync(join(folder, ".a.json.123.sdgan-tmp.123.tmp"), "");
  writeFileSync(join(folder, ".a.json.tmp"), "");
  removeLeftovers(folder);
  expect(readdirSync(folder)).toEqual([".a.json.tmp"]);
});
