import { expect, it } from "vitest";
import { commandOf } from "./ablate.js";

it("writes the options of the command to resume as they are given on the command line", () => {
  const command = commandOf({
    ...{ config: "birds-64", data: "data/birds", out: "runs/ablation", seeds: [0, 1], jobs: 1, images: 1000 },
    ...{ set: ["training.steps=10"], evaluationDamsm: "runs/other" },
    contrast: [{ one: "raw", other: "full" }],
  });
  expect(command).toBe(
    "npx sdgan ablate --config birds-64 --data data/birds --out runs/ablation --jobs 1 --images 1000 " +
      "--evaluation-damsm runs/other --seeds 0,1 --contrast raw,full --set training.steps=10",
  );
});
