import { expect, it } from "vitest";
import { compile } from "../cli.js";
import { runDataFuzz } from "./run-data-fuzz.js";

/** Number of mutations, and their fixed seed. */
const [CASES, SEED] = [200, 2019];

it(`${CASES} mutations and all broken images are prepared or refused, and no file outside is read`, () => {
  compile();
  const { cases, prepared, refused, wrong } = runDataFuzz(CASES, SEED, 280);
  expect(wrong).toEqual([]);
  expect(prepared + refused).toBe(cases);
  expect(cases).toBeGreaterThan(CASES + 50);
  // Both must occur, otherwise the test is void.
  expect(prepared).toBeGreaterThan(0.3 * cases);
  expect(refused).toBeGreaterThan(0.2 * cases);
}, 300_000);
