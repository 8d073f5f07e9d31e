/**
 * Golden training steps of AttnGAN: sizes of the networks from names and shapes of their weights, and
 * comparisons.
 */
import { functional, type Tensor } from "@sdgan/torch";
import type { GeneratorOptions } from "../models/generator.js";
import type { StepMetrics } from "../training/step-metrics.js";
import { expectClose, type Golden } from "./golden.js";

export interface TrajectorySizes {
  generator: GeneratorOptions;
  /** Channels of each discriminator's first convolution. */
  discriminatorWidth: number;
  /** Size of each stage's image in pixels. */
  images: number[];
}

/** @param file `attngan-trajectory.safetensors`, or a file of the same format */
export function trajectorySizes(file: Golden): TrajectorySizes {
  const count = (name: (i: number) => string) => {
    let i = 0;
    while (file.tensors.has(`G.${name(i)}`)) i++;
    return i;
  };
  const shape = (name: string) => file.get(`G.${name}`).shape as [number, number];
  const stages = count((i) => `img_net${i + 1}.img.0.weight`);
  const [fourfold, textWidth] = shape("ca_net.fc.weight");
  const condition = fourfold / 4;
  const firstSize = 4 * 2 ** count((i) => `h_net1.upsample${i + 1}.1.weight`);
  return {
    generator: {
      width: shape("img_net1.img.0.weight")[1],
      stages,
      firstSize,
      residualBlocks: count((i) => `h_net2.residual.${i}.block.0.weight`),
      noise: shape("h_net1.fc.0.weight")[1] - condition,
      condition,
      textWidth,
      scbn: new Array(stages).fill("none"),
      scbnHidden: 1,
    },
    discriminatorWidth: file.get("D0.UNCOND_DNET.outlogits.0.weight").size(1) / 8,
    images: Array.from({ length: stages }, (_, i) => firstSize * 2 ** i),
  };
}

/** A step's losses in the format of the file's history. */
export function trajectoryLosses(
  { losses }: StepMetrics,
  stages: number,
): { d: number[]; g: number[]; kl: number } {
  const names = Array.from({ length: stages }, (_, i) => `stage${i + 1}`);
  return {
    d: names.map((stage) => losses[`discriminator/${stage}/sum`]!.item()),
    g: names.map((stage) =>
      losses[`generator/${stage}/fake`]!.add(losses[`generator/${stage}/fakeConditional`]!).item(),
    ),
    kl: losses.kl!.item(),
  };
}

/**
 * Compares images of the first step, [B, 3, S, S], with the file's. The file stores larger ones averaged over
 * squares.
 */
export function expectImage(file: Golden, image: Tensor): void {
  const size = image.size(2);
  const whole = file.tensors.get(`expect.image${size}`);
  const expected = whole ?? file.get(`expect.image${size}_pooled`);
  expectClose(functional.avgPool2d(image, size / expected.size(2)), expected, 1e-4);
}
