import { spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { CpuContention } from "./cpu-contention.js";

it("counts the cores that other programs have used since the last result, not its own", () => {
  let now = { clock: 100, machine: 1000, own: 50 };
  const contention = new CpuContention(() => now);
  now = { clock: 110, machine: 1020, own: 65 };
  expect(contention.cores(10)).toBe(0.5);
  now = { clock: 119, machine: 1038, own: 65 };
  expect(contention.cores(10)).toBeUndefined();
  now = { clock: 120, machine: 1040, own: 65 };
  expect(contention.cores(10)).toBe(2);
  now = { clock: 130, machine: 1059, own: 85 }; // Both are measured with different clocks.
  expect(contention.cores(10)).toBe(0);
});

it("measures the load of another program on this machine", async () => {
  const other = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  try {
    const contention = new CpuContention();
    let cores: number | undefined;
    while (cores === undefined) {
      await setTimeout(50);
      cores = contention.cores(1);
    }
    expect(cores).toBeGreaterThan(0.2);
  } finally {
    other.kill();
  }
});
