import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { prune } from "./prune.mjs";

const DAY = 24 * 3600 * 1000;

test("what was not used for a month is removed, unless an existing package uses it", () => {
  const root = mkdtempSync(join(tmpdir(), "sdgan-prune-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const now = Date.now();
  const write = (path: string, text = "") => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const age = (path: string, days: number) =>
    utimesSync(join(root, path), new Date(now - days * DAY), new Date(now - days * DAY));
  const record = (folder: string, addon: string) =>
    JSON.stringify({ folder: join(root, folder), version: "1.0.0", addon: join(root, addon) });

  write("package/package.json", "{}");
  for (const name of ["used", "orphan", "recent"]) write(`some-1.0.0-${name}/some.node`);
  write("other-1.0.0-old/other.node");
  write("some-objects-abc/old.o");
  write("some-objects-abc/new.o");
  write("some-objects-abc/common.h");
  write("packages/used.json", record("package", "some-1.0.0-used/some.node"));
  write("packages/gone.json", record("gone", "some-1.0.0-orphan/some.node"));
  for (const name of ["some-1.0.0-used", "some-1.0.0-orphan", "other-1.0.0-old"]) age(name, 31);
  for (const name of ["some-1.0.0-recent", "some-objects-abc"]) age(name, 29);
  for (const name of ["some-objects-abc/old.o", "some-objects-abc/common.h"]) age(name, 31);

  prune(root, "some-", now);
  const left = (path: string) => existsSync(join(root, path));
  expect(left("some-1.0.0-used/some.node")).toBe(true);
  expect(left("some-1.0.0-orphan")).toBe(false);
  expect(left("some-1.0.0-recent/some.node")).toBe(true);
  expect(left("other-1.0.0-old/other.node")).toBe(true);
  expect(left("packages/used.json")).toBe(true);
  expect(left("packages/gone.json")).toBe(false);
  expect(left("some-objects-abc/old.o")).toBe(false);
  expect(left("some-objects-abc/new.o")).toBe(true);
  expect(left("some-objects-abc/common.h")).toBe(true);
});
