/**
 * Prints the time of a training step by operator. With two threads and images of up to 64 pixels, operators of the second
 * thread are missing: use OMP_NUM_THREADS=1 before it.
 *
 *   node bench/profile.mjs [--preset cub] [--baseline] [--batch 10] [--set key=value …]
 */
import "../packages/sdgan/dist/tuned.js"; // Before what loads libtorch.
import { parseArgs } from "node:util";
import { profile } from "@sdgan/torch";
import { trainingStep } from "./workload.mjs";

const { values } = parseArgs({
  options: {
    preset: { type: "string", default: "cub" },
    baseline: { type: "boolean", default: false },
    batch: { type: "string" },
    steps: { type: "string", default: "3" },
    rows: { type: "string", default: "30" },
    set: { type: "string", multiple: true, default: [] },
  },
});
const { run } = trainingStep({
  preset: values.preset,
  baseline: values.baseline,
  settings: values.set,
  ...(values.batch && { batch: Number(values.batch) }),
});
const steps = Number(values.steps);
for (let i = 0; i < 2; i++) run();
const begin = performance.now();
for (let i = 0; i < steps; i++) run();
const plain = (performance.now() - begin) / steps;
const rows = profile(() => {
  for (let i = 0; i < steps; i++) run();
});
const sum = rows.reduce((total, { own }) => total + own, 0) / steps;
console.log(
  `time per step: ${plain.toFixed(1)} ms; sum of its operators while profiled: ${sum.toFixed(1)} ms`,
);
console.log("  self ms   share   calls  operator");
for (const { operator, calls, own } of rows.slice(0, Number(values.rows))) {
  const share = (100 * own) / steps / sum;
  console.log(
    `${(own / steps).toFixed(2).padStart(9)} ${share.toFixed(1).padStart(6)} % ${String(calls / steps).padStart(7)}  ${operator}`,
  );
}
