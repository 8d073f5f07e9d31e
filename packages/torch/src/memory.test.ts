import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { native } from "./native.js";

const GiB = 2 ** 30;
const meminfo = "MemTotal:       67108864 kB\nMemFree:        1024 kB\nMemAvailable:   50331648 kB\n"; // 64 and 48 GiB

/** The memory found on a machine with these files. */
function memoryOf(files: Record<string, string | number>) {
  const root = mkdtempSync(join(tmpdir(), "sdgan-memory-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, content] of Object.entries({ "proc/meminfo": meminfo, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${content}\n`);
  }
  const { total, left, limited } = native.machineMemory(root);
  return { total: total / GiB, left: left / GiB, limited };
}

describe.runIf(process.platform === "linux")("the memory limit of the process", () => {
  it("is the machine's if no cgroup has a limit", () => {
    const whole = { total: 64, left: 48, limited: false };
    expect(memoryOf({})).toEqual(whole);
    expect(
      memoryOf({
        "proc/self/cgroup": "0::/user.slice/session",
        "sys/fs/cgroup/user.slice/memory.max": "max",
        "sys/fs/cgroup/user.slice/session/memory.max": "max",
      }),
    ).toEqual(whole);
    const unlimited = "9223372036854771712"; // Version 1's value for no limit.
    expect(memoryOf({ "sys/fs/cgroup/memory/memory.limit_in_bytes": unlimited })).toEqual(whole);
  });

  it("is the smallest limit of the cgroup and its parents minus the memory used there (version 2)", () => {
    const nested = {
      "proc/self/cgroup": "0::/outer/middle/own",
      "sys/fs/cgroup/outer/memory.max": 16 * GiB,
      "sys/fs/cgroup/outer/memory.current": 12 * GiB,
      "sys/fs/cgroup/outer/memory.stat": `anon ${9 * GiB}\ninactive_file ${2 * GiB}`,
      "sys/fs/cgroup/outer/middle/memory.max": 8 * GiB,
      "sys/fs/cgroup/outer/middle/memory.current": 1 * GiB,
      "sys/fs/cgroup/outer/middle/own/memory.max": "max",
      "sys/fs/cgroup/outer/middle/own/memory.current": 1 * GiB,
    };
    // 7 of 8 GiB are free, but only 6 of the parent's 16: 12 are used, of which 2 can be reclaimed.
    expect(memoryOf(nested)).toEqual({ total: 8, left: 6, limited: true });
    expect(memoryOf({ ...nested, "sys/fs/cgroup/outer/middle/own/memory.max": 2 * GiB })).toEqual({
      ...{ total: 2, left: 1, limited: true },
    });
  });

  it("is the smallest limit of the cgroup and its parents minus the memory used there (version 1)", () => {
    const files = {
      "proc/self/cgroup": "11:cpu,cpuacct:/elsewhere\n7:memory,hugetlb:/docker/abc\n1:name=systemd:/x\n0::/x",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
      "sys/fs/cgroup/memory/docker/memory.limit_in_bytes": 5 * GiB,
      "sys/fs/cgroup/memory/docker/memory.usage_in_bytes": 4 * GiB,
      "sys/fs/cgroup/memory/docker/memory.stat": `inactive_file 7\ntotal_inactive_file ${GiB}`,
      "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": 6 * GiB,
    };
    expect(memoryOf(files)).toEqual({ total: 5, left: 2, limited: true });
  });

  it("is a container's limit, whose cgroup is mounted at the root but has the host's name", () => {
    const container = {
      "proc/self/cgroup": "4:memory:/kubepods/pod1/abc",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": 3 * GiB,
      "sys/fs/cgroup/memory/memory.usage_in_bytes": GiB,
    };
    expect(memoryOf(container)).toEqual({ total: 3, left: 2, limited: true });
    const both = { "proc/self/cgroup": "0::/", "sys/fs/cgroup/unified/memory.max": 4 * GiB };
    expect(memoryOf(both)).toEqual({ total: 4, left: 4, limited: true });
  });

  it("is found for this process", () => {
    const { total, left } = native.machineMemory("");
    expect(total).toBeGreaterThan(0.1 * GiB);
    expect(left).toBeLessThanOrEqual(total);
  });
});
