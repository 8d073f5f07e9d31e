import { arange, call, manualSeed, noGrad, scope, type Tensor, tensor } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { expectClose, golden } from "../../testing/golden.js";
import { InceptionTrunk, InceptionV3 } from "./inception-v3.js";

/** sin(step · i + start) for element i, of float64. */
const wave = (count: number, step: number, start: number) =>
  call<Tensor>("sin", arange(0, count, 1, { dtype: "float64" }).mul(step).add(start));

/** Tensors of the auxiliary classifier, which come first among torchvision's sorted names. */
const auxiliary = 14;

/** The weights that the golden file's metadata gives by a formula: of element i of the kth of torchvision's names, sorted. */
function formulaWeights(network: InceptionV3): Map<string, Tensor> {
  const names = [...network.stateDict()].sort(([a], [b]) => (a < b ? -1 : 1));
  return new Map(
    names.map(([name, own], i) => {
      if (name.endsWith("num_batches_tracked")) return [name, own];
      const v = wave(own.numel, 0.37, 1.7 * (auxiliary + i)).view(...own.shape);
      if (name.endsWith("running_var")) return [name, v.mul(0.5).add(1)];
      if (name.endsWith("bn.weight")) return [name, v.mul(0.1).add(1)];
      if (name.endsWith("running_mean") || name.endsWith(".bias")) return [name, v.mul(0.1)];
      return [name, v.mul(Math.sqrt(2 / (own.numel / own.shape[0]!)))];
    }),
  );
}

describe("Inception-v3", () => {
  it.each(["contiguous", "channels_last"] as const)("agrees with torchvision's: %s", (memoryFormat) => {
    noGrad(() =>
      scope(() => {
        const file = golden("inception-v3");
        const network = new InceptionV3("torchvision");
        network.loadStateDict(formulaWeights(network));
        network.to({ memoryFormat });
        const image = wave(2 * 3 * 299 * 299, 0.0131, 0)
          .to("float32")
          .view(2, 3, 299, 299)
          .to({ memoryFormat });
        const { regions, pool3, logits } = network.forward(image);
        expect(regions.shape).toEqual([2, 768, 17, 17]);
        expectClose(regions.mean([2, 3]), file.get("mixed6e_mean"), 1e-4);
        expectClose(pool3, file.get("pool3"), 1e-4);
        expectClose(logits, file.get("logits"), 1e-4);
      }),
    );
  });
});
