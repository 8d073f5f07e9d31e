import { arange, grad, manualSeed, noGrad, randn, scope, type Tensor } from "@sdgan/torch";
import { describe, expect, it } from "vitest";
import { formulaTensor } from "../../testing/formula.js";
import { expectClose, golden, relativeError } from "../../testing/golden.js";
import { inceptionInput, inceptionWeights } from "../../testing/inception-formula.js";
import { InceptionTrunk, InceptionV3, type InceptionVariant } from "./inception-v3.js";
import { ConvBn, type Pool } from "./layers.js";

describe("Inception-v3", () => {
  it("agrees with torchvision's, in bfloat16 approximately", { timeout: 300_000 }, () => {
    noGrad(() =>
      scope(() => {
        const file = golden("inception-v3");
        const network = new InceptionV3("torchvision");
        network.loadStateDict(inceptionWeights(network.stateDict(), file));
        network.to({ memoryFormat: "channels_last" });
        const image = inceptionInput(file);
        const tolerances = { float32: 1e-4, bfloat16: 0.02 };
        for (const dtype of ["float32", "bfloat16"] as const) {
          const { regions, pool3, logits } = network.forward(
            image.to({ dtype, memoryFormat: "channels_last" }),
          );
          expect(regions.shape.slice(0, 2)).toEqual(file.get("mixed6e_mean").shape);
          expect([regions.dtype, pool3.dtype, logits.dtype]).toEqual([dtype, "float32", "float32"]);
          expectClose(regions.to("float32").mean([2, 3]), file.get("mixed6e_mean"), tolerances[dtype]);
          expectClose(pool3, file.get("pool3"), tolerances[dtype]);
          expectClose(logits, file.get("logits"), tolerances[dtype]);
        }
      }),
    );
  });

  it("of each variant has the published networks' number of parameters, all frozen", () => {
    const count = (variant: InceptionVariant) => new InceptionV3(variant).parameterCount;
    const classifier = (classes: number) => 2049 * classes;
    expect(count("torchvision")).toBe(23_834_568); // torchvision's 27,161,264 minus the auxiliary classifier's
    expect(count("fid")).toBe(23_834_568 - classifier(1000) + classifier(1008));
    expect(new InceptionV3("fid").parameters().some(({ requiresGrad }) => requiresGrad)).toBe(false);
  });

  it("for FID differs from torchvision's only in its pooling", () => {
    noGrad(() =>
      scope(() => {
        const [ours, theirs] = [new InceptionTrunk("fid"), new InceptionTrunk("torchvision")];
        ours.loadStateDict(theirs.stateDict());
        const { pool: first } = ours.Mixed_5b;
        for (const block of [ours.Mixed_5c, ours.Mixed_5d, ours.Mixed_6b, ours.Mixed_6e, ours.Mixed_7b])
          expect(block.pool).toBe(first);
        const ramp = arange(0, 9, 1, { dtype: "float32" }).view(1, 1, 3, 3);
        // At the corner 0 1 | 3 4, at the edge 0 1 2 | 3 4 5, and all of them in the middle.
        const corner = (pool: Pool) => pool(ramp).flatten(0).toNumbers().slice(0, 5);
        expect(corner(first)).toEqual([2, 2.5, 3, 3.5, 4]);
        expect(corner(ours.Mixed_7c.pool)).toEqual([4, 5, 5, 7, 8]);
        const shares = corner(theirs.Mixed_7c.pool);
        for (const [i, expected] of [8 / 9, 15 / 9, 12 / 9, 21 / 9, 4].entries())
          expect(shares[i]).toBeCloseTo(expected, 5);

        const image = formulaTensor("sin(0.0131 i)", [1, 3, 75, 75]).to("float32");
        const [found, other] = [ours.features(image), theirs.features(image)];
        expect(found.pool3.shape).toEqual([1, 2048]);
        expect(relativeError(found.pool3, other.pool3)).toBeGreaterThan(0.01);
      }),
    );
  });

  it("uses the running statistics in training mode too, and does not change them", () => {
    const layer = new ConvBn(2, 3, 1);
    const state = Array.from(layer.stateDict(), ([name, tensor]): [string, Tensor] => [name, tensor.clone()]);
    const input = randn([2, 2, 4, 4]);
    const trained = layer.train().forward(input);
    expect(relativeError(layer.eval().forward(input), trained)).toBe(0);
    for (const [name, before] of state)
      expect(layer.stateDict().get(name)!.toNumbers()).toEqual(before.toNumbers());
  });

  it("passes gradients to the image", () => {
    manualSeed(1);
    const network = new InceptionTrunk("torchvision").to({ dtype: "float64" });
    const image = randn([1, 3, 75, 75], { dtype: "float64", requiresGrad: true });
    const direction = randn([1, 3, 75, 75], { dtype: "float64" });
    const value = (at: Tensor) => {
      const { regions, pool3 } = network.features(at);
      return regions.sum().add(pool3.sum());
    };
    const [gradient] = grad([value(image)], [image]) as [Tensor];
    const at = (eps: number) => noGrad(() => scope(() => value(image.add(direction, eps)).item()));
    const slope = (at(1e-6) - at(-1e-6)) / 2e-6;
    expect(gradient.mul(direction).sum().item() / slope).toBeCloseTo(1, 4);
  });
});
