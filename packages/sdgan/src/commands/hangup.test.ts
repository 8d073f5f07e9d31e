import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ignoresHangup } from "./hangup.js";

it.each([
  ["nohup", "/usr/bin/nohup", "0000000000000000", true],
  ["nohup without a folder", "nohup", "0000000000000000", true],
  ["a shell that ignores SIGHUP", "/usr/bin/npx", "0000000000000005", true],
  ["a shell that ignores SIGINT only", "/usr/bin/npx", "0000000000000002", false],
  ["Node, which ignores SIGPIPE and SIGXFSZ", "/usr/bin/node", "0000000001001000", false],
  ["a program called like it", "/home/nohup/sdgan", "0000000000000000", false],
])("a process started by %s", (_, starter, mask, expected) => {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-hangup-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const status = join(folder, "status");
  writeFileSync(
    status,
    `Name:\tbash\nSigBlk:\tffffffffffffffff\nSigIgn:\t${mask}\nSigCgt:\t0000000000000001\n`,
  );
  expect(ignoresHangup(starter, status)).toBe(expected);
});

it("without Linux's status files, only the starter counts", () => {
  expect([
    ignoresHangup("nohup", "/none"),
    ignoresHangup(undefined, "/none"),
    ignoresHangup("", "/none"),
  ]).toEqual([true, false, false]);
});
