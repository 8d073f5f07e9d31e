import { spawn } from "node:child_process";
import { once } from "node:events";
import { getPriority } from "node:os";
import { expect, it } from "vitest";
import { giveWay } from "./priority.js";

it("lowers a child's priority to 5, or to that of this process if it is lower", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  giveWay(child.pid);
  expect(getPriority(child.pid!)).toBe(Math.max(getPriority(), 5));
  child.kill("SIGKILL");
  await once(child, "exit");
});

it("does nothing about a process that is not there", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  expect(() => giveWay(child.pid)).not.toThrow();
  expect(() => giveWay(undefined)).not.toThrow();
});
