import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { latest } from "./latest.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("starts the first of several calls at once, and the last after the delay", async () => {
  const seen: string[] = [];
  const work = latest(async (_, text: string) => void seen.push(text), 30);
  for (const text of ["a", "ab", "abc"]) {
    work.call(text);
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(seen).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(19);
  expect(seen).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(seen).toEqual(["a", "abc"]);
});

it("does not let a call wait that comes later than the delay", async () => {
  const seen: string[] = [];
  const work = latest(async (_, text: string) => void seen.push(text), 30);
  for (const text of ["a", "ab"]) {
    work.call(text);
    await vi.advanceTimersByTimeAsync(0);
    expect(seen.at(-1)).toBe(text);
    await vi.advanceTimersByTimeAsync(30);
  }
});

it("ends running work when a newer call comes or when it is cancelled", async () => {
  const signals: AbortSignal[] = [];
  const work = latest(async (signal) => void signals.push(signal), 10);
  work.call();
  await vi.advanceTimersByTimeAsync(10);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  work.call();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  await vi.advanceTimersByTimeAsync(10);
  work.cancel();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  work.call();
  work.cancel();
  await vi.advanceTimersByTimeAsync(50);
  expect(signals).toHaveLength(2);
});
