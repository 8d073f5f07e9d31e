import { expect, it } from "vitest";
import { duration, Progress, type ProgressOptions } from "./progress.js";

/** A progress line with a clock that the test sets, and everything that it wrote. */
function recorded(options: Partial<ProgressOptions> & { isTTY?: boolean; columns?: number }) {
  const clock = { ms: 0 };
  const written: string[] = [];
  const { isTTY = false, columns = 200, ...rest } = options;
  const stream = { isTTY, columns, write: (text: string | Uint8Array) => written.push(String(text)) > 0 };
  const progress = new Progress({ label: "gan", stream, now: () => clock.ms, ...rest });
  return { progress, clock, written };
}

it("into a file: a line every ten seconds, and the final state", () => {
  const { progress, clock, written } = recorded({ total: 100, unit: "images", unitsPerStep: 32 });
  for (let step = 1; step <= 50; step++) {
    clock.ms += 500;
    progress.update(step, { generator: 3.1387, skipped: 2 });
  }
  progress.log("saved");
  progress[Symbol.dispose]();
  expect(written).toEqual([
    "gan  [####................]   20 %  20/100  64 images/s  40 s left  generator 3.14  skipped 2\n",
    "gan  [########............]   40 %  40/100  64 images/s  30 s left  generator 3.14  skipped 2\n",
    "saved\n",
    "gan  [##########..........]   50 %  50/100  64 images/s  25 s left  generator 3.14  skipped 2\n",
  ]);
});

it("on a terminal: in place, at most ten times per second, log lines above it, never wider than the screen", () => {
  const { progress, clock, written } = recorded({ total: 1000, isTTY: true, columns: 40 });
  for (let step = 1; step <= 100; step++) {
    clock.ms += 10;
    progress.update(step);
  }
  expect(written).toHaveLength(10);
  for (const text of written) {
    expect(text.startsWith("\r") && text.endsWith("\x1b[K")).toBe(true);
    expect(text.slice(1, -3)).toMatch(/^gan .{1,35}$/);
  }
  progress.log("saved");
  expect(written.slice(10, 12)).toEqual(["\r\x1b[K", "saved\n"]);
  expect(written[12]).toContain("gan   10 %  100/1000");
  progress[Symbol.dispose]();
  expect(written.at(-1)).toBe("\n");
});

it("rate and time left of a resumed run count this process only", () => {
  const { progress, clock, written } = recorded({ total: 1000, start: 900 });
  clock.ms = 10_000;
  progress.update(910);
  expect(written).toEqual(["gan  [##################..]   91 %  910/1000  1 steps/s  1:30 min left\n"]);
});

it("with a time limit, shows the nearer of the two ends", () => {
  const { progress, clock, written } = recorded({ total: 1_000_000, start: 500, seconds: 40 });
  clock.ms = 10_000;
  progress.update(510);
  expect(written[0]).toContain(" 25 %  510/1000000  1 steps/s  30 s left");
});

it("without a total: a count", () => {
  const { progress, clock, written } = recorded({ label: "prepare", unit: "images" });
  clock.ms = 10_000;
  progress.update(123);
  expect(written).toEqual(["prepare  123  12.3 images/s  in 10 s\n"]);
});

it("at the end, shows how long it took", () => {
  const { progress, clock, written } = recorded({ total: 4 });
  clock.ms = 125_000;
  progress.update(4);
  progress[Symbol.dispose]();
  expect(written).toEqual(["gan  [####################]  100 %  4/4  0.0320 steps/s  in 2:05 min\n"]);
});

it("formats durations", () => {
  expect([0.4, 59.6, 187, 7500, -3].map(duration)).toEqual(["0 s", "1:00 min", "3:07 min", "2:05 h", "0 s"]);
});
