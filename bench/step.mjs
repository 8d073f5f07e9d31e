/**
 * Pictures a second of a training step of the AttnGAN baseline at CUB's size: 256 pixels, three discriminators, batch
 * 10, without DAMSM, random data.
 *
 *   node bench/step.mjs [--batch 10] [--steps 5] [--precision auto|float32|bfloat16] [--set key=value …]
 */
import { parseArgs } from "node:util";
import { cudaIsAvailable, randn, scope, threads } from "@sdgan/torch";
import { imageSizes, loadConfig } from "../packages/sdgan/dist/config.js";
import { wordMask } from "../packages/sdgan/dist/models/text-encoder.js";
import { makeGanTrainer } from "../packages/sdgan/dist/training/gan-trainee.js";
import { computeDtype } from "../packages/sdgan/dist/training/precision.js";

const { values } = parseArgs({
  options: {
    batch: { type: "string", default: "10" },
    steps: { type: "string", default: "5" },
    precision: { type: "string", default: "auto" },
    set: { type: "string", multiple: true, default: [] },
  },
});
const baseline = ["generator.scbn=none", "siamese.enabled=false", "training.damsmWeight=0"];
const config = loadConfig("cub", [...baseline, `training.precision=${values.precision}`, ...values.set]);
const dtype = computeDtype(config.training.precision);
const B = Number(values.batch);
const T = config.data.maxWords;
const D = config.text.width;

const trainer = makeGanTrainer(config);
const real = imageSizes(config.generator).map((size) =>
  randn([B, size, size, 3]).permute(0, 3, 1, 2).to(dtype),
);
const text = { words: randn([B, D, T]), sentence: randn([B, D]), mask: wordMask(new Array(B).fill(T), T) };

const seconds = [];
for (let step = 0; step <= Number(values.steps); step++) {
  const begin = performance.now();
  scope(() => trainer.step({ real, text }));
  if (step > 0) seconds.push((performance.now() - begin) / 1000); // The first one asks for memory.
}
seconds.sort((a, b) => a - b);
const rate = (s) => (B / s).toFixed(2);
console.log(
  `${dtype}, ${threads()} threads${cudaIsAvailable() ? ", CUDA there" : ""}, batch ${B}: ` +
    `median ${rate(seconds[seconds.length >> 1])} pictures a second ` +
    `(${rate(seconds.at(-1))} to ${rate(seconds[0])} over ${seconds.length} steps), ` +
    `peak memory ${(process.resourceUsage().maxRSS / 2 ** 20).toFixed(1)} GiB`,
);
