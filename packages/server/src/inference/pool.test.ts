import { UserError } from "@sdgan/core";
import { expect, it, vi } from "vitest";
import { deferred } from "../deferred.js";
import type { ServedModel } from "./messages.js";
import { Pool, type PooledProcess, type StartProcess } from "./pool.js";

const model = (sha256: string) =>
  [{ manifest: { files: { a: { sha256 } } }, words: [] }] as unknown as ServedModel[];

/** Starts processes that the test can end; `next` says what the next starts do. */
function fakes(next: () => ServedModel[] = () => model("1")) {
  const running: { ended: PooledProcess; end: (reason: string) => void }[] = [];
  const start: StartProcess = async (_, onEnd) => {
    const models = next();
    const started = {
      pid: running.length,
      busy: false,
      run: () => Promise.reject(new Error("no work")),
      retire: vi.fn(),
      end: vi.fn(),
    };
    running.push({ ended: started, end: (reason) => onEnd(started, reason) });
    return { started, models };
  };
  const events = { onReady: vi.fn(), onRestart: vi.fn(), onFailure: vi.fn() };
  return { running, start, events };
}

it("starts all processes, and replaces one that ends", async () => {
  const { running, start, events } = fakes();
  const pool = await Pool.start(["m"], 2, events, start);
  await vi.waitFor(() => expect(pool.runners).toHaveLength(2));
  running[0]!.end("SIGKILL");
  expect(pool.runners).toHaveLength(1);
  await vi.waitFor(() => expect(pool.runners).toHaveLength(2));
  expect(events.onRestart).toHaveBeenCalledExactlyOnceWith("SIGKILL");
  expect(events.onReady).toHaveBeenCalledTimes(3);
  pool.end();
  expect(running[1]!.ended.end).toHaveBeenCalled();
  running[1]!.end("SIGKILL");
  expect([pool.runners, running.length]).toEqual([[], 3]);
});

it("refuses a model that cannot be loaded", async () => {
  const { start, events } = fakes(() => {
    throw new UserError("no model");
  });
  await expect(Pool.start(["m"], 2, events, start)).rejects.toThrow("no model");
  expect(events.onFailure).not.toHaveBeenCalled();
});

it("gives up with the reason when processes keep ending before they are ready", async () => {
  vi.useFakeTimers();
  try {
    let works = true;
    const { running, start, events } = fakes(() => {
      if (works) return model("1");
      throw new Error("no memory");
    });
    await Pool.start(["m"], 1, events, start);
    works = false;
    running[0]!.end("SIGABRT");
    await vi.runAllTimersAsync();
    expect(events.onFailure).toHaveBeenCalledExactlyOnceWith("no memory");
  } finally {
    vi.useRealTimers();
  }
});

it("does not go on with the files of another model", async () => {
  vi.useFakeTimers();
  try {
    let sha256 = "1";
    const { running, start, events } = fakes(() => model(sha256));
    const pool = await Pool.start(["m"], 1, events, start);
    sha256 = "2";
    running[0]!.end("SIGABRT");
    await vi.runAllTimersAsync();
    expect(pool.runners).toEqual([]);
    expect(events.onFailure).toHaveBeenCalledWith(expect.stringContaining("have changed"));
  } finally {
    vi.useRealTimers();
  }
});

it("changes its models: new processes take over, and the present ones finish", async () => {
  let models = model("1");
  const { running, start, events } = fakes(() => models);
  const pool = await Pool.start(["m"], 2, events, start);
  await vi.waitFor(() => expect(pool.runners).toHaveLength(2));
  const before = [...pool.runners];
  models = [...model("1"), ...model("2")];
  await pool.change(["m", "n"]);
  for (const { retire } of before) expect(retire).toHaveBeenCalledOnce();
  expect([pool.names, pool.models]).toEqual([["m", "n"], models]);
  await vi.waitFor(() => expect(pool.runners).toHaveLength(2));
  expect(pool.runners.filter((runner) => before.includes(runner))).toEqual([]);
  running[0]!.end("retired");
  expect([pool.runners.length, running.length, events.onRestart.mock.calls.length]).toEqual([2, 4, 0]);
});

it("keeps its models if others cannot be loaded", async () => {
  const { running, start, events } = fakes();
  const orNone: StartProcess = async (names, onEnd) => {
    if (names.includes("none")) throw new UserError("no model");
    return start(names, onEnd);
  };
  const pool = await Pool.start(["m"], 1, events, orNone);
  await expect(pool.change(["m", "none"])).rejects.toThrow("no model");
  expect([pool.names, pool.runners.length, running.length]).toEqual([["m"], 1, 1]);
  expect(pool.runners[0]!.retire).not.toHaveBeenCalled();
});

it("discards a process that was started with the models before a change", async () => {
  const { running, start, events } = fakes();
  const late = deferred<void>();
  let starts = 0;
  const slow: StartProcess = async (names, onEnd) => {
    starts += 1;
    if (starts === 2) await late.promise;
    return start(names, onEnd);
  };
  const pool = await Pool.start(["m"], 2, events, slow);
  await pool.change(["m", "n"]);
  await vi.waitFor(() => expect(pool.runners).toHaveLength(2));
  late.resolve();
  await vi.waitFor(() => expect(running).toHaveLength(4));
  await vi.waitFor(() => expect(running[3]!.ended.end).toHaveBeenCalled());
  expect([pool.runners.length, starts]).toEqual([2, 4]);
});
