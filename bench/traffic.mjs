/**
 * Bytes that one process sends for a training step, by preset: counted in a step of one process of two, with random
 * weights and inputs.
 *
 *   node bench/traffic.mjs [PRESET …]
 */
import { imageSizes, presets } from "@sdgan/core";
import { ones, randn, scope, tensor } from "@sdgan/torch";
import { runAsProgram } from "../packages/addons/lib/failure.mjs";
import { loadConfig } from "../packages/sdgan/dist/config/load.js";
import { shareOf } from "../packages/sdgan/dist/distributed/batch-share.js";
import { GradientBuckets } from "../packages/sdgan/dist/distributed/gradient-buckets.js";
import { makeGanTrainer } from "../packages/sdgan/dist/training/make-gan-trainer.js";

const bytesOf = ({ numel, dtype }) => numel * (dtype === "float64" || dtype === "int64" ? 8 : 4);

/**
 * Messages of a step by kind, { count, bytes }, and the bytes of each phase's gradients.
 *
 * @param {{ syncBatchNorm?: boolean, worldSize?: number, settings?: string[] }} [options]
 */
export function trafficOf(preset, { syncBatchNorm = false, worldSize = 2, settings = [] } = {}) {
  const config = loadConfig(preset, [
    `training.syncBatchNorm=${syncBatchNorm}`,
    "training.precision=float32",
    ...settings,
  ]);
  const sent = {};
  const bucketsOfStep = [];
  const add = (kind, bytes) => {
    sent[kind] ??= { count: 0, bytes: 0 };
    sent[kind].count += 1;
    sent[kind].bytes += bytes;
  };
  const B = config.training.batch / worldSize;
  const sum = (kind) => (own) => {
    // The gradient of a sum is a sum.
    if (own.requiresGrad) add(kind, bytesOf(own));
    add(kind, bytesOf(own));
    return own.mul(1);
  };
  const processes = {
    worldSize,
    group: { sum: sum("batch normalization") },
    shareOf: () => shareOf({ rank: 0, worldSize, units: B, sumOverProcesses: sum("parts of the batch") }),
    gradientBuckets() {
      const buckets = new GradientBuckets({
        worldSize,
        sum: (bucket) => {
          add("gradients", bytesOf(bucket));
          return { wait() {} };
        },
      });
      bucketsOfStep.push(buckets);
      return buckets;
    },
  };
  const rows = B * (config.siamese.enabled ? 2 : 1);
  const share = processes.shareOf();
  const scores = (image, count) => share.gather(image.flatten(1).narrow(1, 0, 1).expand(-1, count).mul(1));
  const losses = (image) => {
    const [words, sentence] = [0, 1].map(() => scores(image, rows * worldSize).mean());
    return { words, sentence };
  };
  const trainer = makeGanTrainer(config, {
    processes,
    damsm: { weight: config.training.damsmWeight, losses },
  });
  scope(() => {
    const { width } = config.text;
    const T = config.data.maxWords;
    const text = (count) => ({
      words: randn([count, width, T]),
      sentence: randn([count, width]),
      mask: ones([count, T], { dtype: "bool" }),
    });
    const own = text(rows);
    const same = (count) =>
      config.siamese.enabled ? { same: tensor(Array.from({ length: count }, (_, i) => i % 2)) } : {};
    const classIds = (count) =>
      tensor(
        Array.from({ length: count }, (_, i) => i),
        { dtype: "int64" },
      );
    trainer.step({
      real: imageSizes(config.generator).map((size) =>
        randn([rows, 3, size, size]).to({ memoryFormat: "channels_last" }),
      ),
      ...{ text: own, ...same(B), classIds: classIds(rows) },
      whole: {
        text: {
          ...text(rows * worldSize),
          words: share.gather(own.words),
          sentence: share.gather(own.sentence),
        },
        ...{ ...same(B * worldSize), classIds: classIds(rows * worldSize) },
      },
    });
  });
  const [buckets] = bucketsOfStep;
  const stages = imageSizes(config.generator).length;
  return {
    sent,
    discriminators: Array.from({ length: stages }, (_, i) => buckets.bytesOf(`discriminator/stage${i + 1}`)),
    generator: buckets.bytesOf("generator"),
  };
}

await runAsProgram(import.meta.url, async () => {
  const shown = ({ count, bytes }) => `${(bytes / 2 ** 20).toFixed(3)} MiB in ${count}`;
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(presets);
  for (const preset of names) {
    const [own, sync] = [false, true].map((syncBatchNorm) => trafficOf(preset, { syncBatchNorm }).sent);
    const rows = [
      preset,
      shown(own.gradients),
      shown(own["parts of the batch"]),
      shown(sync["batch normalization"]),
    ];
    console.log(`| ${rows.join(" | ")} |`);
  }
});
