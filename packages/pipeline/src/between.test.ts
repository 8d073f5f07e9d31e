import { normalNoise } from "@sdgan/core";
import { describe, expect, it } from "vitest";
import { noiseBetween, textBetween } from "./between.js";

const close = (values: ArrayLike<number>, expected: ArrayLike<number>) =>
  Array.from(values).forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });

describe("noise between two", () => {
  const [a, b] = [normalNoise(1, 1, 100), normalNoise(2, 1, 100)];
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

  it("is that of the ends at the ends", () => {
    close(noiseBetween(a, b, 0), a);
    close(noiseBetween(a, b, 1), b);
  });

  it("keeps the length of noise", () => {
    const between = norm(noiseBetween(a, b, 0.5));
    expect(between).toBeGreaterThan(0.95 * Math.min(norm(a), norm(b)));
    expect(between).toBeLessThan(1.05 * Math.max(norm(a), norm(b)));
  });

  it("is on the arc: a quarter of a right angle", () => {
    const [x, y] = [Float32Array.of(2, 0), Float32Array.of(0, 2)];
    close(noiseBetween(x, y, 0.25), [2 * Math.cos(Math.PI / 8), 2 * Math.sin(Math.PI / 8)]);
  });

  it("is finite between equal and between opposite noise", () => {
    close(noiseBetween(a, a, 0.3), a);
    const opposite = a.map((value) => -value);
    expect(noiseBetween(a, opposite, 0.5).every(Number.isFinite)).toBe(true);
  });
});

describe("text features between two", () => {
  // Two features of three words, and of one and two.
  const a = {
    words: Float32Array.of(1, 2, 3, 10, 20, 30),
    sentence: Float32Array.of(2, 20),
    length: 3,
  };
  const one = { words: Float32Array.of(7, 70), sentence: Float32Array.of(0, 0), length: 1 };

  it("are those of the ends at the ends, with their lengths", () => {
    expect(textBetween(a, one, 0)).toEqual(a);
    expect(textBetween(a, one, 1)).toEqual(one);
  });

  it("have a length in between, and words at the same relative place", () => {
    const half = textBetween(a, one, 0.5);
    expect(half.length).toBe(2);
    // First and last word of a, each halfway to the only word of the other.
    close(half.words, [4, 5, 40, 50]);
    close(half.sentence, [1, 10]);
  });

  it("interpolate between neighbouring words where lengths differ", () => {
    const b = { words: Float32Array.of(0, 0, 0, 0, 0), sentence: Float32Array.of(0), length: 5 };
    const c = { words: Float32Array.of(0, 2), sentence: Float32Array.of(0), length: 2 };
    const { words, length } = textBetween(b, c, 0.5);
    expect(length).toBe(4);
    close(words, [0, 1 / 3, 2 / 3, 1]);
  });
});
