import { expect, it, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
const { remember } = await import("./history.js");

const entry = (prompt: string, seed = 0) => ({ prompt, seed, model: "m" });

it("has the newest first, each once, and at most 30", () => {
  const [a, b] = [entry("a"), entry("b")];
  expect(remember(remember([], a), b)).toEqual([b, a]);
  expect(remember([b, a], entry("a"))).toEqual([a, b]);
  expect(remember([a], entry("a", 1))).toHaveLength(2);
  let entries = [a];
  for (let i = 0; i < 50; i++) entries = remember(entries, entry("x", i));
  expect(entries).toHaveLength(30);
  expect(entries[0]!.seed).toBe(49);
});
