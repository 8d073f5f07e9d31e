/**
 * Measures images per second of whole training steps (discriminators, generator, DAMSM, average), on a batch that stays
 * on the device.
 *
 *   node scripts/cuda-check/measure.mjs [--device cuda|cpu] [--seconds 5]
 *
 * `launch` is the time the processor takes to launch a step. If it equals the time of the step, the GPU waits for it.
 */
import "../../packages/sdgan/dist/tuned.js"; // Before any module that loads libtorch.
import { parseArgs } from "node:util";
import { cudaDriver, libtorchInfo, manualSeed, scope, synchronize } from "@sdgan/torch";
import { startComputing } from "../../packages/sdgan/dist/compute/compute.js";
import { loadConfig } from "../../packages/sdgan/dist/config/load.js";
import { makeWorkload } from "./workload.mjs";

const { values: options } = parseArgs({
  options: { device: { type: "string", default: "cuda" }, seconds: { type: "string", default: "5" } },
});
const device = /** @type {"cpu" | "cuda"} */ (options.device);
const seconds = Number(options.seconds);

/** A preset, and images per branch. */
const configurations = [
  { preset: "birds-64", batch: 32 },
  ...(device === "cuda"
    ? [
        { preset: "birds-64", batch: 128 },
        { preset: "cub", batch: 10 },
        { preset: "cub", batch: 32 },
      ]
    : []),
];
/** @type {("float32" | "tf32" | "bfloat16")[]} */
const precisions = device === "cuda" ? ["float32", "tf32", "bfloat16"] : ["float32", "bfloat16"];

const on = device === "cuda" ? (cudaDriver()?.gpus[0]?.name ?? "GPU") : "processor";
console.log(`${on}, libtorch ${libtorchInfo().version}`);
console.log("| configuration | images per step | precision | step, ms | launch, ms | images per second |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const { preset, batch } of configurations) {
  for (const precision of precisions) {
    try {
      console.log(`| ${[preset, ...measured(preset, batch, precision)].join(" | ")} |`);
    } catch (error) {
      console.log(`| ${preset} | ${2 * batch} | ${precision} | ${/** @type {Error} */ (error).message} |`);
      process.exitCode = 1;
    }
  }
}

/**
 * @param {string} preset
 * @param {number} batch
 * @param {"float32" | "tf32" | "bfloat16"} precision
 * @returns {(string | number)[]}
 */
function measured(preset, batch, precision) {
  const config = loadConfig(preset, [`training.batch=${batch}`]);
  manualSeed(1);
  const workload = makeWorkload(config, startComputing(precision, device));
  const { step, images, trainer } = workload;
  try {
    for (let i = 0; i < 3; i++) step(); // The first steps allocate memory and choose algorithms.
    synchronize();
    let [steps, launch] = [0, 0];
    const begin = performance.now();
    while (performance.now() - begin < 1000 * seconds) {
      const started = performance.now();
      step();
      launch += performance.now() - started;
      steps += 1;
      if (steps % 10 === 0) synchronize(); // As often as training reads its losses.
    }
    synchronize();
    const took = (performance.now() - begin) / steps;
    const rate = ((1000 * images) / took).toFixed(0);
    return [images, precision, took.toFixed(1), (launch / steps).toFixed(1), rate];
  } finally {
    release(trainer);
  }
}

/**
 * Frees networks and optimizers: the next configuration needs the memory.
 *
 * @param {import("../../packages/sdgan/dist/training/gan-trainer.js").GanTrainer} trainer
 */
function release({
  options: { generator, average, discriminators },
  generatorOptimizer,
  discriminatorOptimizers,
}) {
  scope(() => {
    for (const network of [generator, average, ...discriminators])
      for (const tensor of network.stateDict().values()) tensor.dispose();
    for (const optimizer of [generatorOptimizer, ...discriminatorOptimizers])
      for (const tensor of optimizer.stateDict().values()) tensor.dispose();
  });
}
