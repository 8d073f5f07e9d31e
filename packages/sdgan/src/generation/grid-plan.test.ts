import { describe, expect, it } from "vitest";
import { partShown, planGrid } from "./grid-plan.js";

describe("planGrid", () => {
  it.each([
    [{ captions: 1, count: 1, stages: 1, side: 64 }, { captions: 1, images: 1, columns: 8 }, undefined],
    [{ captions: 3, count: 4, stages: 1, side: 64 }, { captions: 3, images: 4, columns: 4 }, undefined],
    [
      { captions: 1500, count: 1, stages: 1, side: 64 },
      { captions: 64, images: 1, columns: 8 },
      "64 of 1,500 captions",
    ],
    [
      { captions: 1, count: 2000, stages: 1, side: 64 },
      { captions: 1, images: 256, columns: 32 },
      "256 of 2,000 images per caption",
    ],
    [
      { captions: 9, count: 100, stages: 3, side: 256 },
      { captions: 1, images: 100, columns: 5 },
      "1 of 9 captions",
    ],
    [
      { captions: 2, count: 300, stages: 3, side: 256 },
      { captions: 1, images: 122, columns: 5 },
      "1 of 2 captions and 122 of 300 images per caption",
    ],
    [
      { captions: 10, count: 1, stages: 1, side: 5000 },
      { captions: 1, images: 1, columns: 1 },
      "1 of 10 captions",
    ],
  ])("of %j is %j", (content, plan, part) => {
    expect(planGrid(content)).toEqual(plan);
    expect(partShown(plan, content)).toBe(part);
  });

  it("is never wide or large", () => {
    for (const side of [16, 64, 100, 256, 1024])
      for (const count of [1, 2, 7, 63, 65, 10_000])
        for (const captions of [1, 5, 100_000])
          for (const stages of [1, 3]) {
            const plan = planGrid({ captions, count, stages, side });
            const shown = side * Math.ceil(128 / side);
            expect(plan.columns * stages * shown).toBeLessThanOrEqual(Math.max(4096, stages * shown));
            expect(plan.captions * plan.images * stages * shown ** 2).toBeLessThanOrEqual(24e6);
            expect(Math.min(plan.captions, plan.images, plan.columns)).toBeGreaterThan(0);
          }
  });
});
