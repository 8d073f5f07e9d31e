/**
 * Runs one measurement in this process and prints it as JSON.
 *
 *   node bench/measure.mjs step|generation|damsmStep|damsmLosses '{"batch": 10, "baseline": true}' [--times 4]
 *   node bench/measure.mjs convolutions
 *   node bench/measure.mjs matrices '{"device": "cuda", "side": 8192}'
 *   node bench/measure.mjs loader '{"workers": 1}' [--times 20]
 */
import "../packages/sdgan/dist/tuned.js"; // Before what loads libtorch.
import { parseArgs } from "node:util";
import { threads } from "@sdgan/torch";
import { loaderShares } from "./loader.mjs";
import { convolutions, damsmLosses, damsmStep, generation, matrices, trainingStep } from "./workload.mjs";

const workloads = { step: trainingStep, generation, damsmStep, damsmLosses };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { times: { type: "string", default: "4" } },
});
const [what, options = "{}"] = positionals;

if (what === "convolutions") {
  const best = convolutions().map(({ operations, run }) => operations / Math.min(...time(run, 8)) / 1e9);
  console.log(JSON.stringify({ gflops: Math.max(...best), each: best }));
} else if (what === "matrices") {
  const { operations, run } = matrices(JSON.parse(options));
  console.log(JSON.stringify({ gflops: operations / Math.min(...time(run, 5)) / 1e9 }));
} else if (what === "loader") {
  console.log(JSON.stringify(await loaderShares({ ...JSON.parse(options), steps: Number(values.times) })));
} else {
  const { run, dtype, images, parameters } = workloads[what](JSON.parse(options));
  const seconds = time(run, Number(values.times));
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ seconds, images, peakMiB, dtype, threads: threads(), parameters }));
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
