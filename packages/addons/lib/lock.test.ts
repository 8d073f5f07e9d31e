import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { holderOf, tryLock, withLock } from "./lock.mjs";

const goneAfter = 60_000;
const module = new URL("lock.mjs", import.meta.url).href;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-lock-"));
  path = join(folder, "lock");
});

/** The id of a process that has ended. */
const gone = () => spawnSync(process.execPath, ["--version"]).pid;

/** Writes the lock of a process with these properties that was touched `silent` seconds ago. */
function leave(holder: object, { silent = 0, at = path } = {}) {
  rmSync(at, { force: true }); // A new file, as when a process takes a lock over.
  writeFileSync(at, JSON.stringify({ pid: process.pid, host: hostname(), ...holder }));
  const when = Date.now() / 1000 - silent;
  utimesSync(at, when, when);
}

/** Takes and releases the lock; returns its holder if it is held. Looking at the lock finds the same holder. */
function holderFound(): { pid: number } | undefined {
  const seen = holderOf(path, { goneAfter });
  const { release, holder } = tryLock(path, { goneAfter });
  release?.();
  expect(seen).toEqual(holder);
  return holder;
}

describe("a lock", () => {
  it("belongs to one process until that releases it", async () => {
    const first = tryLock(path, { goneAfter });
    expect(holderFound()).toMatchObject({ pid: process.pid, host: hostname() });
    first.release?.();
    first.release?.();
    expect(readdirSync(folder)).toEqual([]);
    expect(await withLock(join(folder, "new", "lock"), async () => 7)).toBe(7);
    await expect(withLock(path, () => Promise.reject(new RangeError("inside")))).rejects.toThrow(RangeError);
    expect(existsSync(path)).toBe(false);
  });

  it("is waited for", async () => {
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      order.push(`${name} ends`);
    };
    await Promise.all([withLock(path, work("a")), withLock(path, work("b"))]);
    expect(order).toEqual(["a begins", "a ends", "b begins", "b ends"]);
  });

  it("that another process has taken over is not released by the first", () => {
    const first = tryLock(path, { goneAfter });
    leave({ id: "another's" });
    first.release?.();
    expect(readFileSync(path, "utf8")).toContain("another's");
  });

  it("cannot be taken where its file cannot be read", () => {
    expect(() => tryLock(join(folder, "none", "lock"), { goneAfter })).toThrow(/ENOENT/);
    expect(() => tryLock(folder, { goneAfter })).toThrow(/EISDIR/);
  });
});

describe("a lock whose holder is gone is taken over", () => {
  it.each([
    ["that was killed", () => leave({ pid: gone() })],
    ["of an earlier version, with only a process id", () => writeFileSync(path, String(gone()))],
    ["that wrote nothing", () => writeFileSync(path, "")],
  ])("one %s", (_, prepare) => {
    prepare();
    expect(holderFound()).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(process.platform === "linux")("one whose process id another process has now", () => {
    leave({ started: "1" });
    expect(holderFound()).toBeUndefined();
  });

  it("by exactly one of many processes that find it at the same time", async () => {
    const [threads, rounds] = [4, 25];
    // The current round, threads that have finished it, threads inside the lock, the maximum of these.
    const shared = new Int32Array(new SharedArrayBuffer(16));
    const code = `
      const { workerData: { shared, rounds } } = require("node:worker_threads");
      (async () => {
        const { withLock } = await import(${JSON.stringify(module)});
        for (let round = 1; round <= rounds; round++) {
          while (Atomics.load(shared, 0) < round) Atomics.wait(shared, 0, round - 1, 1000);
          await withLock(${JSON.stringify(path)}, async () => {
            const inside = Atomics.add(shared, 2, 1) + 1;
            if (inside > Atomics.load(shared, 3)) Atomics.store(shared, 3, inside);
            await new Promise((resolve) => setTimeout(resolve, 3));
            Atomics.sub(shared, 2, 1);
          });
          Atomics.add(shared, 1, 1);
        }
      })();`;
    const workers = Array.from(
      { length: threads },
      () => new Worker(code, { eval: true, execArgv: [], workerData: { shared, rounds } }),
    );
    const failed = Promise.race(
      workers.map((worker) => new Promise((_, reject) => worker.on("error", reject))),
    );
    const dead = gone();
    for (let round = 1; round <= rounds; round++) {
      writeFileSync(path, String(dead));
      Atomics.store(shared, 0, round);
      Atomics.notify(shared, 0);
      while (Atomics.load(shared, 1) < threads * round)
        await Promise.race([new Promise((resolve) => setTimeout(resolve, 2)), failed]);
    }
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(Atomics.load(shared, 3)).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("also if a process was killed while taking it over", () => {
    leave({ pid: gone() });
    const claimed = () => readdirSync(folder).find((name) => name !== "lock");
    // A process that is killed while it holds the second lock.
    const kill = `
      import { syncBuiltinESMExports } from "node:module";
      import fs from "node:fs";
      fs.renameSync = () => process.kill(process.pid, "SIGKILL");
      syncBuiltinESMExports();
      const { tryLock } = await import(${JSON.stringify(module)});
      tryLock(${JSON.stringify(path)}, { goneAfter: 1000 });`;
    const { signal } = spawnSync(process.execPath, ["--input-type=module", "-e", kill]);
    expect(signal).toBe("SIGKILL");
    expect(claimed()).toMatch(/^lock\.[0-9a-f]{16}/);
    expect(holderFound()).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("with the files of killed processes beside it; other files are kept", () => {
    const hex = "0123456789abcdef";
    const names = [`lock.${hex}`, `lock.${hex}.new`, `lock.${hex}.${hex}`];
    for (const name of names) leave({ pid: gone() }, { at: join(folder, name) });
    const others = ["lock.txt", `lock.${"f".repeat(16)}`, `other.${hex}`];
    for (const name of others) leave({}, { at: join(folder, name) });
    expect(holderFound()).toBeUndefined();
    expect(readdirSync(folder).sort()).toEqual([...others].sort());
  });
});

describe("a holder elsewhere, whose process id has no meaning here", () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  const elsewhere = { space: "another container's" };

  it.runIf(process.platform === "linux")(
    "counts as alive while it touches its file, and later as gone",
    () => {
      for (const pid of [process.pid, gone()]) {
        leave({ ...elsewhere, pid }, { silent: 30 });
        expect(holderFound()).toMatchObject({ pid });
        leave({ ...elsewhere, pid }, { silent: 90 });
        expect(holderFound()).toBeUndefined();
      }
    },
  );

  it("is recognized by its host if nothing else is known", () => {
    leave({ host: "elsewhere", pid: gone() });
    expect(holderFound()).toMatchObject({ host: "elsewhere" });
    leave({ host: "elsewhere" }, { silent: 90 });
    expect(holderFound()).toBeUndefined();
  });

  it("touches its file while it holds it, and no longer", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const { release } = tryLock(path, { goneAfter });
    const silence = () => Date.now() - statSync(path).mtimeMs;
    utimesSync(path, 0, 0);
    vi.advanceTimersByTime(6_000);
    expect(silence()).toBeLessThan(10_000);
    leave({ id: "another's" }, { silent: 90 });
    vi.advanceTimersByTime(6_000); // It does not touch a file that it no longer owns.
    expect(silence()).toBeGreaterThan(80_000);
    release?.();
    expect(vi.getTimerCount()).toBe(0);
  });
});
