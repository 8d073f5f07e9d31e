import { expect, it } from "vitest";
import { runFilesFuzz } from "./run.mjs";

/** Files, and what decides them. The seed can be any; this one is the same every time. */
const [CASES, SEED] = [120, 2019];

it(`${CASES} broken and hostile files are read or refused, each in time and in little memory`, () => {
  const { cases, read, refused, wrong } = runFilesFuzz(CASES, SEED, 110);
  expect(wrong).toEqual([]);
  expect(read + refused).toBe(cases);
  // Both must happen, or nothing is tested.
  expect(read).toBeGreaterThan(0.05 * cases);
  expect(refused).toBeGreaterThan(0.5 * cases);
}, 120_000);
