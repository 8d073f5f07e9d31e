import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "@sdgan/core";
import {
  cat,
  full,
  gradOrNull,
  manualSeed,
  Generator as RandomStream,
  scope,
  type Tensor,
  tensor,
} from "@sdgan/torch";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { loadConfig } from "../config/load.js";
import { sourceOf } from "../data/fixtures.js";
import { prepare } from "../data/prepare.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import { randomText } from "../testing/text.js";
import type { GanTrainer } from "./gan-trainer.js";
import { makeGanTrainer } from "./make-gan-trainer.js";
import { measureOverfitting } from "./overfitting.js";

const compute = { device: "cpu", dtype: "float32" } as const;
const textWidth = 8;
const config: Config = loadConfig("birds-64", [
  ...["text.width=8", "generator.firstSize=8", "generator.stages=2", "generator.width=4"],
  ...["generator.noise=8", "generator.condition=8", "discriminator.width=8", "training.batch=4"],
  ...["augment.policy=[color,translation]", "training.precision=float32"],
]);

let folder: string;
let data: Prepared;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-overfitting-"));
  // Training images have vertical stripes, those of val horizontal ones.
  const images = Array.from({ length: 24 }, (_, i) => ({
    ...{ id: String(i), split: i < 12 ? ("train" as const) : ("val" as const), classId: 0 },
    captions: [{ text: `image ${i}` }],
    read: () =>
      sharp(Uint8Array.from(stripes(19, i % 12, i < 12)), { raw: { width: 19, height: 19, channels: 3 } })
        .png()
        .toBuffer(),
  }));
  await prepare(sourceOf(images), { out: join(folder, "data"), size: 16 });
  data = openPrepared(join(folder, "data"));
});
afterAll(() => {
  data.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => manualSeed(2));

/** Stripes of 2 pixels, [size, size, 3], in colours that differ with `shift`. */
function stripes(size: number, shift: number, isVertical: boolean): Float32Array {
  return Float32Array.from({ length: size * size * 3 }, (_, i) => {
    const place = Math.floor(i / 3);
    const along = isVertical ? place % size : Math.floor(place / size);
    return ((along + shift) >> 1) % 2 === 0 ? 220 - 5 * shift : 10 + 3 * shift;
  });
}

function makeTrainer(set: Partial<Config["augment"]> = {}) {
  const trainer = makeGanTrainer({ ...config, augment: { ...config.augment, ...set } });
  const encode = ([batch]: { images: Int32Array }[]) =>
    randomText(new Array<number>(batch!.images.length).fill(2), textWidth);
  return { trainer, measure: () => measureOverfitting({ config, data, compute, trainer, encode }) };
}

it("measures every stage, the same at every call, and changes neither buffers nor random streams", () => {
  const { trainer, measure } = makeTrainer();
  const { generator, discriminators } = trainer.options;
  const state = () =>
    [generator, ...discriminators].map((network) =>
      Array.from(network.stateDict(), ([name, one]) => [name, one.toNumbers()]),
    );
  const before = state();
  const stream = RandomStream.default().state.toNumbers();
  const first = measure();
  expect(Object.keys(first).sort()).toEqual(
    ["stage1", "stage2"]
      .flatMap((stage) => ["fake", "ratio", "train", "val"].map((of) => `overfitting/${stage}/${of}`))
      .sort(),
  );
  expect(state()).toEqual(before);
  expect(RandomStream.default().state.toNumbers()).toEqual(stream);
  manualSeed(77);
  expect(measure()).toEqual(first);
});

it("the ratio is that of the mean answers, and is above the others' for a discriminator that knows training images", () => {
  const { trainer, measure } = makeTrainer({ policy: [] });
  const figures = measure();
  for (const stage of ["stage1", "stage2"]) {
    const [train, val, fake] = ["train", "val", "fake"].map((of) => figures[`overfitting/${stage}/${of}`]!);
    expect(figures[`overfitting/${stage}/ratio`]).toBeCloseTo((train! - val!) / (train! - fake!), 9);
  }
  memorize(trainer);
  const after = measure();
  expect(after["overfitting/stage2/train"]! - after["overfitting/stage2/val"]!).toBeGreaterThan(2);
  expect(after["overfitting/stage2/ratio"]).toBeGreaterThan(0.6);
  expect(Math.abs(figures["overfitting/stage2/train"]! - figures["overfitting/stage2/val"]!)).toBeLessThan(1);
});

/** Trains the discriminator of the second stage to tell vertical stripes from horizontal ones, a batch of each. */
function memorize({ options, discriminatorOptimizers }: GanTrainer): void {
  const [network, optimizer] = [options.discriminators[1]!, discriminatorOptimizers[1]!];
  network.requiresGrad(true);
  for (let step = 0; step < 60; step++)
    scope(() => {
      const shifts = Array.from({ length: 8 }, (_, i) => (i + step) % 12);
      const [vertical, horizontal] = [true, false].map((isVertical) =>
        cat(shifts.map((shift) => tensor(stripes(16, shift, isVertical)).view(1, 16, 16, 3))),
      ) as [Tensor, Tensor];
      const images = cat([vertical, horizontal]).permute(0, 3, 1, 2).div(127.5).sub(1);
      const logits = network.unconditional(network.forward(images, [8, 8]));
      const signed = logits.mul(cat([full([8], -1), full([8], 1)]));
      const loss = signed.exp().add(1).log().mean();
      optimizer.step(gradOrNull([loss], network.parameters()));
    });
}
