import { expect, it } from "vitest";
import { grad, profile, randn } from "./index.js";

it("reports every operator's calls and time, also of backward passes", () => {
  const x = randn([64, 64], { requiresGrad: true });
  const rows = profile(() => {
    for (let i = 0; i < 3; i++) grad([x.matmul(x).tanh().sum()], [x]);
  });
  const by = new Map(rows.map((row) => [row.operator, row]));
  expect(by.get("aten::tanh")!.calls).toBe(3);
  expect(by.get("aten::matmul")!.calls).toBeGreaterThanOrEqual(3);
  expect(by.get("TanhBackward0")!.calls).toBe(3);
  const matmul = by.get("aten::matmul")!;
  expect(matmul.own).toBeLessThan(matmul.total);
  expect(rows.every(({ own, total }) => own >= 0 && total >= own)).toBe(true);
  expect(rows.map(({ own }) => own)).toEqual(rows.map(({ own }) => own).sort((a, b) => b - a));
  expect(profile(() => {})).toEqual([]);
});

it("ends with the function, also if that throws, and cannot be nested", () => {
  expect(() => profile(() => { throw new Error("out"); })).toThrow("out"); // biome-ignore format: one line
  expect(() => profile(() => void profile(() => {}))).toThrow(/already/);
  expect(profile(() => void randn([2])).length).toBeGreaterThan(0);
});
