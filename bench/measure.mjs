/**
 * Runs one measurement in this process and prints it as JSON.
 *
 *   node bench/measure.mjs step|generation|damsmStep|damsmLosses '{"batch": 10, "baseline": true}' [--times 4]
 *   node bench/measure.mjs convolutions
 *   node bench/measure.mjs matrices '{"device": "cuda", "side": 8192}'
 *   node bench/measure.mjs loader '{"workers": 1}' [--times 20]
 *   node bench/measure.mjs training '{"preset": "birds-64", "folder": …}' [--times 4]     folder: see training-folder.mjs
 *   node bench/measure.mjs writeSteps '{"preset": "birds-64", "folder": …, "file": "steps.safetensors"}'
 */
import "../packages/sdgan/dist/tuned.js"; // Before what loads libtorch.
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { times: { type: "string", default: "4" } },
});
const [what, given = "{}"] = positionals;
const [options, times] = [JSON.parse(given), Number(values.times)];

// Each imports only what it needs, since the start of a training is measured too.
const measurements = {
  async training() {
    const { training } = await import("./training.mjs");
    return training(options, times);
  },
  async writeSteps() {
    const { writeSteps } = await import("./training.mjs");
    return writeSteps(options);
  },
  async loader() {
    const { loaderShares } = await import("./loader.mjs");
    return loaderShares({ ...options, steps: times });
  },
  async convolutions() {
    const { convolutions } = await import("./workload.mjs");
    const best = convolutions().map(({ operations, run }) => operations / Math.min(...time(run, 8)) / 1e9);
    return { gflops: Math.max(...best), each: best };
  },
  async matrices() {
    const { matrices } = await import("./workload.mjs");
    const { operations, run } = matrices(options);
    return { gflops: operations / Math.min(...time(run, 5)) / 1e9 };
  },
};

console.log(JSON.stringify(await (measurements[what] ?? workload)()));

async function workload() {
  const { damsmLosses, damsmStep, generation, trainingStep } = await import("./workload.mjs");
  const { threads } = await import("@sdgan/torch");
  const workloads = { step: trainingStep, generation, damsmStep, damsmLosses };
  const { run, dtype, images, parameters } = workloads[what](options);
  const seconds = time(run, times);
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  return { seconds, images, peakMiB, dtype, threads: threads(), parameters };
}

/** Seconds of each of `times` runs, after one warm-up run. */
function time(run, times) {
  run();
  return Array.from({ length: times }, () => {
    const begin = performance.now();
    run();
    return (performance.now() - begin) / 1000;
  });
}
