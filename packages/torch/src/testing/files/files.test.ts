import { expect, it } from "vitest";
import { runFilesFuzz } from "./run.mjs";

/** The number of files, and their seed. It is fixed, so that every run has the same files. */
const [CASES, SEED] = [120, 2019];

it(`${CASES} broken and hostile files are read or refused, each within the limits of time and memory`, () => {
  const { cases, read, refused, wrong } = runFilesFuzz(CASES, SEED, 110);
  expect(wrong).toEqual([]);
  expect(read + refused).toBe(cases);
  // Both must happen, or nothing is tested.
  expect(read).toBeGreaterThan(0.05 * cases);
  expect(refused).toBeGreaterThan(0.5 * cases);
}, 120_000);
