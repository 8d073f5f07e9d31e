import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  type Dependencies,
  hashesOf,
  readDependencies,
  requireOfRun,
  requireSameDependencies,
  writeDependencies,
} from "./dependencies.js";

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "sdgan-dependencies-"));
});
afterEach(() => rmSync(run, { recursive: true }));

const [a, b] = ["a".repeat(64), "b".repeat(64)] as [string, string];
const all: Dependencies = {
  data: { sha256: a, folder: "data/birds" },
  damsm: { sha256: b, file: "damsm/damsm.safetensors" },
};

it("are read back as written", () => {
  for (const some of [all, {}, { data: all.data }] as Dependencies[]) {
    writeDependencies(run, some);
    expect(readDependencies(run)).toEqual(some);
  }
  expect(hashesOf(all)).toEqual({ data: a, damsm: b });
  expect(hashesOf({})).toEqual({});
});

it("throws with a remedy if the file is missing or damaged", () => {
  const path = join(run, "dependencies.json");
  expect(() => readDependencies(run)).toThrow(UserError);
  expect(() => readDependencies(run)).toThrow(`${path}: there is no such file`);
  expect(() => readDependencies(run)).toThrow("begin another run");
  for (const text of ["", "{", "[]", '{"data": {"sha256": "a", "folder": ""}}', '{"date": {}}']) {
    writeFileSync(path, text);
    expect(() => readDependencies(run)).toThrow(`${path}: is damaged`);
  }
});

it("accepts equal hashes, wherever the data is", () => {
  const moved = { ...all, data: { sha256: a, folder: "elsewhere" } };
  expect(requireSameDependencies(run, all, moved)).toEqual(all);
});

it("refuses different hashes, with both and their sources", () => {
  const refusal = (found: Dependencies) => {
    try {
      requireSameDependencies(run, all, found);
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      return (error as Error).message;
    }
    return undefined;
  };
  const record = join(run, "dependencies.json");
  expect(refusal({ ...all, data: { sha256: b, folder: "data/others" } })).toBe(
    "data/others: is not the data that the run began with: its index.json has SHA-256 bbbbbbbbbbbb, " +
      `and ${record} records aaaaaaaaaaaa of data/birds: give that data, prepared in the same way, or begin another run`,
  );
  expect(refusal({ ...all, damsm: { sha256: a, file: "damsm/damsm.safetensors" } })).toBe(
    `${join(run, "damsm/damsm.safetensors")}: is not the DAMSM that the run began with: it has SHA-256 aaaaaaaaaaaa, ` +
      `and ${record} records bbbbbbbbbbbb: restore that DAMSM, or begin another run`,
  );
});

it("adds dependencies that imported weights do not have yet", () => {
  expect(requireSameDependencies(run, {}, all)).toEqual(all);
  expect(requireSameDependencies(run, { damsm: all.damsm }, all)).toEqual(all);
});

it("requires a checkpoint's dependencies, if it has any, to be those of its run", () => {
  const file = join(run, "checkpoints", "step-0000001.safetensors");
  requireOfRun(file, hashesOf(all), all);
  requireOfRun(file, {}, all);
  expect(() => requireOfRun(file, { data: b, damsm: b }, all)).toThrow(
    /whose data has SHA-256 bbbbbbbbbbbb, and .*dependencies\.json records aaaaaaaaaaaa/,
  );
  expect(() => requireOfRun(file, { data: a, damsm: a }, all)).toThrow(
    /whose DAMSM has SHA-256 aaaaaaaaaaaa, and .*dependencies\.json records bbbbbbbbbbbb/,
  );
});
