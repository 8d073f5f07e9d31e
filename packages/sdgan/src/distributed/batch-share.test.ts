import { arange, manualSeed, rand, type Tensor, zeros } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { shareOf, wholeBatch } from "./batch-share.js";

const units = 2;
const shares = [0, 1, 2].map((rank) =>
  shareOf({ rank, worldSize: 3, units, sumOverProcesses: (own: Tensor) => own }),
);

describe("the shares of three processes of two pairs each", () => {
  it("are the pairs of both branches, in order", () => {
    const whole = arange(0, 12, 1); // 6 first branches, then 6 second ones
    expect(shares.map(({ own }) => own(whole).toNumbers())).toEqual([
      [0, 1, 6, 7],
      [2, 3, 8, 9],
      [4, 5, 10, 11],
    ]);
    expect(shares[1]!.own(arange(0, 24, 1).view(12, 2)).toNumbers()).toEqual([4, 5, 6, 7, 16, 17, 18, 19]);
  });

  it("gather to the whole: each process adds its rows at their places", () => {
    const whole = arange(1, 25, 1).view(12, 2);
    const parts = shares.map(({ own, gather }) => gather(own(whole)));
    expect(parts.map(({ shape }) => shape)).toEqual([
      [12, 2],
      [12, 2],
      [12, 2],
    ]);
    const sum = parts.reduce((total, part) => total.add(part), zeros([12, 2]));
    expect(sum.toNumbers()).toEqual(whole.toNumbers());
  });

  it("have the random numbers that a single process would draw", () => {
    const sample = (rows: number) => rand([rows, 3]);
    manualSeed(7);
    const whole = wholeBatch.draw(12, sample);
    for (const share of shares) {
      manualSeed(7);
      expect(share.draw(4, sample).toNumbers()).toEqual(share.own(whole).toNumbers());
    }
  });

  it("refuse rows that are no sections of their units", () => {
    expect(() => shares[0]!.own(zeros([7]))).toThrow("a batch of 7 rows does not consist of sections of 6");
    expect(() => shares[0]!.gather(zeros([3]))).toThrow(
      "a batch of 3 rows does not consist of sections of 2",
    );
  });
});
