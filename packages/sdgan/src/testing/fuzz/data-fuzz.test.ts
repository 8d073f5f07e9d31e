import { expect, it } from "vitest";
import { compile } from "../cli.js";
import { runDataFuzz } from "./run-data-fuzz.js";

/** What is changed. The seed can be any; this one is the same every time. */
const [CASES, SEED] = [200, 2019];

it(`${CASES} mutations and all broken images are prepared or refused, and nothing outside is read`, () => {
  compile();
  const { cases, prepared, refused, wrong } = runDataFuzz(CASES, SEED, 280);
  expect(wrong).toEqual([]);
  expect(prepared + refused).toBe(cases);
  expect(cases).toBeGreaterThan(CASES + 50);
  // Both must happen, or nothing is tested.
  expect(prepared).toBeGreaterThan(0.3 * cases);
  expect(refused).toBeGreaterThan(0.2 * cases);
}, 300_000);
