/** The presets: named configurations. A preset states what differs from the preset it extends, or from the defaults. */
import type { ConfigInput } from "./schema.js";

export interface Preset {
  /** Its purpose, in one sentence. */
  description: string;
  /** Another preset whose values it starts from. */
  extends?: PresetName;
  values: ConfigInput;
}

export const presetNames = [
  "birds-64",
  "birds-128",
  "emoji-64",
  "faces-64",
  "photos-64",
  "cub",
  "coco",
  "flowers",
] as const;
export type PresetName = (typeof presetNames)[number];

export const presets: Record<PresetName, Preset> = {
  // Small networks and few images per step, so that a minute has many steps, and four times the usual learning rates:
  // with smaller ones generated images stay noisy for longer (docs/training.md#learning-rates-and-batch).
  "birds-64": {
    description: "The built-in birds, 16 → 32 → 64 pixels: trains on a laptop's processor.",
    values: {
      data: { maxWords: 18 },
      text: { width: 128, sentence: "mean", whiten: true, dropout: 0.1 }, // docs/evaluation.md#what-was-tried
      damsm: { width: 24, imageSize: 64, steps: 10_000, evaluateEvery: 400 }, // docs/evaluation.md#what-was-tried
      generator: { width: 16, stages: 3, firstSize: 16, scbn: "both" }, // docs/ablation.md
      discriminator: { width: 16 },
      training: {
        batch: 8,
        steps: 40_000,
        damsmWeight: 2, // docs/training.md#the-weight-of-damsms-loss
        changedWords: 0.5, // docs/training.md#wrong-sentences-with-one-word-changed
        learningRate: { generator: 8e-4, discriminator: 8e-4 },
      },
      evaluate: { every: 1000 },
      log: { sampleEvery: 200, checkpointEvery: 200 },
    },
  },
  "birds-128": {
    description: "The built-in birds, 32 → 64 → 128 pixels.",
    extends: "birds-64",
    values: {
      generator: { firstSize: 32 },
      training: {
        batch: 20,
        steps: 20_000,
        damsmWeight: 1,
        changedWords: 0,
        learningRate: { generator: 4e-4, discriminator: 2e-4 },
      },
      evaluate: { every: 500 },
    },
  },
  "emoji-64": {
    description: "Emoji and their names, 16 → 32 → 64 pixels. A starting point for your own images.",
    extends: "birds-64",
    values: {
      data: { crop: false, flip: false }, // A mirrored arrow has another meaning.
      damsm: { steps: 3000 },
      // DAMSM knows these few images almost by heart, so its gradient is steep: with weight 1 it is five times the
      // discriminators', and faces become square patterns (docs/training.md#shares-of-the-gradient).
      training: { damsmWeight: 0.1, changedWords: 0, grow: [1200, 3600] }, // docs/emoji.md#all-emoji
      augment: { policy: ["translation", "cutout"] }, // Not `color`, which captions name.
    },
  },
  "faces-64": {
    description: "Emoji's faces, 16 → 32 → 64 pixels: icons that are alike in shape, and few of them.",
    extends: "emoji-64",
    values: {
      damsm: { steps: 1500, evaluateEvery: 150 },
      log: { discriminatorOnVal: 500 },
    },
  },
  // For some 7,000 photographs of anything with sentences of about 12 words, such as Flickr8k.
  "photos-64": {
    description: "Photographs of anything with sentences, such as Flickr8k, 16 → 32 → 64 pixels.",
    extends: "birds-64",
    values: {
      damsm: { width: 32, batch: 48, steps: 6000 },
      training: { damsmWeight: 1, changedWords: 0, grow: [1200, 3600] }, // docs/training.md#photographs
      augment: { policy: ["translation", "cutout"], padding: 0 }, // White edges would stand out in photographs.
      log: { discriminatorOnVal: 500, sampleEvery: 500, checkpointEvery: 500 },
    },
  },
  // 600 epochs of 8,855 images; DAMSM 200 epochs.
  cub: {
    description: "CUB-200-2011 at the paper's sizes, 64 → 128 → 256 pixels (docs/cub.md).",
    values: {
      data: { maxWords: 18 },
      text: { embedding: 300, width: 256, dropout: 0.5 },
      // width and imageSize apply to damsm.encoder=convolutional, which needs no Inception weights: half the size of
      // the last image.
      damsm: { encoder: "inception", width: 64, imageSize: 128, batch: 48, steps: 36_900 },
      generator: { width: 32, stages: 3, firstSize: 64, residualBlocks: 2 },
      discriminator: { width: 64 },
      training: { batch: 20, steps: 265_650, damsmWeight: 5 },
    },
  },
  // 120 epochs of 82,783 images; DAMSM 100 epochs.
  coco: {
    description: "COCO 2014 at the paper's sizes, 64 → 128 → 256 pixels (docs/coco.md).",
    extends: "cub",
    values: {
      data: { maxWords: 15 },
      damsm: { steps: 172_460 },
      generator: { width: 48, residualBlocks: 3 },
      discriminator: { width: 96 },
      training: { batch: 14, steps: 709_570, damsmWeight: 50 },
    },
  },
  // As many epochs of 7,034 images as CUB: 600; DAMSM 200.
  flowers: {
    description: "Oxford-102 flowers with CUB's networks (docs/flowers.md).",
    extends: "cub",
    values: { damsm: { steps: 29_310 }, training: { steps: 211_020 } },
  },
};

export function isPresetName(name: string): name is PresetName {
  return (presetNames as readonly string[]).includes(name);
}
