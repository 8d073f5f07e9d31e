import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { readKeys } from "./keys.js";

const KEY = "0123456789abcdef";

function file(text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-keys-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "keys");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

it("reads keys with and without names, and finds them in headers", () => {
  const keys = readKeys(file(`# keys\n\n${KEY}\nanna  ${KEY}2\r\n`));
  expect(keys.names).toEqual(["key-1", "anna"]);
  expect(keys.nameOf(`Bearer ${KEY}`)).toBe("key-1");
  expect(keys.nameOf(`bearer  ${KEY}2`)).toBe("anna");
  for (const wrong of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    KEY,
    `Basic ${KEY}`,
    `Bearer ${KEY}3`,
    `Bearer ${KEY} x`,
  ])
    expect(keys.nameOf(wrong), String(wrong)).toBeUndefined();
});

it.each([
  ["", 0o600, /has no key/],
  ["# nothing\n", 0o600, /has no key/],
  ["short\n", 0o600, /line 1 has a key of 5 characters, fewer than 16/],
  [`a b ${KEY}\n`, 0o600, /line 1 has 3 words/],
  [`a ${KEY}\na ${KEY}2`, 0o600, /line 2 has the name a again/],
  [KEY, 0o640, /other users can read or change .* chmod 600/],
  [KEY, 0o602, /other users can read or change/],
])("refuses %j with mode %o", (text, mode, message) => {
  expect(() => readKeys(file(text, mode))).toThrow(message);
});

it("refuses what is not there, and what is not a file", () => {
  expect(() => readKeys("/no/such/file")).toThrow(/there is no such file/);
  expect(() => readKeys(tmpdir())).toThrow(/is not a file/);
});
