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
import { tryLock, withLock } from "./lock.mjs";

const goneAfter = 60_000;
const module = new URL("lock.mjs", import.meta.url).href;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-lock-"));
  path = join(folder, "lock");
});

/** The number of a process that is gone. */
const gone = () => spawnSync(process.execPath, ["--version"]).pid;

/** A lock of a process of these properties, that has not been heard of for so long. */
function leave(holder: object, { silent = 0, at = path } = {}) {
  rmSync(at, { force: true }); // A new file, as that of a process which takes a lock over.
  writeFileSync(at, JSON.stringify({ pid: process.pid, host: hostname(), ...holder }));
  const when = Date.now() / 1000 - silent;
  utimesSync(at, when, when);
}

/** Takes the lock and gives it back; who holds it, where it is held. */
function holderOf(): { pid: number } | undefined {
  const { release, holder } = tryLock(path, { goneAfter });
  release?.();
  return holder;
}

describe("a lock", () => {
  it("is one process's, until that gives it back", async () => {
    const first = tryLock(path, { goneAfter });
    expect(holderOf()).toMatchObject({ pid: process.pid, host: hostname() });
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

  it("that another has taken over is not given back by the first", () => {
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
    ["of an earlier version, in numbers alone", () => writeFileSync(path, String(gone()))],
    ["that wrote nothing", () => writeFileSync(path, "")],
  ])("one %s", (_, prepare) => {
    prepare();
    expect(holderOf()).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.runIf(process.platform === "linux")("one whose number another process has now", () => {
    leave({ started: "1" });
    expect(holderOf()).toBeUndefined();
  });

  it("by one of many that find it at once, every time", async () => {
    const [threads, rounds] = [4, 25];
    // Round that has begun, threads that have finished it, threads inside the lock, the most there were at once.
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

  it("also where the one that was taking it over was killed at that", () => {
    leave({ pid: gone() });
    const claimed = () => readdirSync(folder).find((name) => name !== "lock");
    // A process that is killed while it has the right to replace the lock.
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
    expect(holderOf()).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("with what killed processes left beside it; what is others' stays", () => {
    const hex = "0123456789abcdef";
    const names = [`lock.${hex}`, `lock.${hex}.new`, `lock.${hex}.${hex}`];
    for (const name of names) leave({ pid: gone() }, { at: join(folder, name) });
    const others = ["lock.txt", `lock.${"f".repeat(16)}`, `other.${hex}`];
    for (const name of others) leave({}, { at: join(folder, name) });
    expect(holderOf()).toBeUndefined();
    expect(readdirSync(folder).sort()).toEqual([...others].sort());
  });
});

describe("a holder elsewhere, whose number says nothing here", () => {
  afterEach(() => {
    vi.useRealTimers();
  });
  const elsewhere = { space: "another container's" };

  it.runIf(process.platform === "linux")("counts as living while it is heard of, and then no more", () => {
    for (const pid of [process.pid, gone()]) {
      leave({ ...elsewhere, pid }, { silent: 30 });
      expect(holderOf()).toMatchObject({ pid });
      leave({ ...elsewhere, pid }, { silent: 90 });
      expect(holderOf()).toBeUndefined();
    }
  });

  it("is told by its host where nothing else is known of it", () => {
    leave({ host: "elsewhere", pid: gone() });
    expect(holderOf()).toMatchObject({ host: "elsewhere" });
    leave({ host: "elsewhere" }, { silent: 90 });
    expect(holderOf()).toBeUndefined();
  });

  it("is heard of: a holder touches its file while it has it, and no longer", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const { release } = tryLock(path, { goneAfter });
    const silence = () => Date.now() - statSync(path).mtimeMs;
    utimesSync(path, 0, 0);
    vi.advanceTimersByTime(6_000);
    expect(silence()).toBeLessThan(10_000);
    leave({ id: "another's" }, { silent: 90 });
    vi.advanceTimersByTime(6_000); // What is not its own any more, it does not touch.
    expect(silence()).toBeGreaterThan(80_000);
    release?.();
    expect(vi.getTimerCount()).toBe(0);
  });
});
