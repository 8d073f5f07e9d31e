import { beforeAll, describe, expect, it, vi } from "vitest";
import { compile, resultOf } from "./testing/compiled.js";

/** Results and gradients of the loops with several variants, for widths that are multiples of a vector and others. */
const compute = `
import { functional, grad, manualSeed, ones, randn, tensor } from "@sdgan/torch";
manualSeed(1);
const [words, results] = [[], []]; // float32 first.
const numbersOf = (tensors) => tensors.map((one) => one.to("float32").toNumbers().map((value) => Number(value.toPrecision(5))));
for (const dtype of ["float32", "bfloat16"]) {
  for (const C of [16, 22]) {
    const leaf = (...shape) => {
      const one = randn(shape).to(dtype);
      one.requiresGrad = true;
      return one;
    };
    const x = randn([3, 4, 3, C]).to(dtype).permute(0, 3, 1, 2);
    x.requiresGrad = true;
    const [keys, scales, shifts] = [leaf(3, 19, C), leaf(3, 19, C), leaf(3, 19, C)];
    const absent = tensor(Array.from({ length: 57 }, (_, i) => i % 19 > 5 * (1 + Math.floor(i / 19))), { dtype: "bool" });
    for (const activation of ["none", "leaky_relu", "glu"]) {
      const attend = { keys, absent: absent.view(3, 19) };
      const { contexts } = functional.crossAttention(x, keys, attend.absent, [scales, shifts]);
      const options = { weight: ones([C]), bias: ones([C]), training: true, activation };
      for (const y of [
        functional.batchNorm(x, { ...options, scale: contexts[0], shift: contexts[1] }),
        functional.batchNorm(x, { ...options, scale: scales, shift: shifts, attend }),
      ])
        results.push(...numbersOf([y, ...grad([y.to("float32").square().mean()], [x, keys, scales, shifts])]));
    }
  }
}
for (const captions of [16, 27]) {
  const scores = randn([2, 5, captions, 7]);
  scores.requiresGrad = true;
  const absent = tensor(Array.from({ length: captions * 7 }, (_, i) => i % 7 > i % 4 + 2), { dtype: "bool" });
  const attention = functional.wordAttention(scores, absent.view(captions, 7), 4);
  words.push(...numbersOf([attention, ...grad([attention.square().sum()], [scores])]));
}
console.log(JSON.stringify([...words, ...results]));`;

vi.setConfig({ testTimeout: 180_000 });
beforeAll(compile);

const run = (level: string) =>
  resultOf(compute, { ...process.env, SDGAN_MAX_ISA: level }) as Promise<number[][]>;

describe("the loops of every level of processors compute the same", () => {
  it.each(["avx2", "base"])("%s", async (level) => {
    const [newest, older] = await Promise.all([run("avx512"), run(level)]);
    expect(older.length).toBe(newest.length);
    for (const [i, expected] of newest.entries()) {
      const largest = Math.max(...expected.map(Math.abs));
      const worst = Math.max(...expected.map((value, k) => Math.abs(value - older[i]![k]!)));
      // In bfloat16 a sum that rounds the other way differs by 1/128.
      expect(worst, `result ${i}`).toBeLessThan((i < older.length / 2 ? 1e-4 : 0.02) * largest);
    }
  });

  it("an unknown level is refused", async () => {
    await expect(run("avx3")).rejects.toThrow('SDGAN_MAX_ISA: expected base, avx2 or avx512, found "avx3"');
  });
});
