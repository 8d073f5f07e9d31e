/**
 * Measures the AttnGAN training step at the papers' size (256 pixels, no DAMSM) on a GPU: ours, PyTorch eager and
 * PyTorch compiled, alternating, each in its own process. The batch is 20, then the largest of 40, 80, … that fits into
 * the memory of both in bfloat16. Prints a table; its last column is the share of the GPU's matrix product rate.
 *
 *   node bench/gpu.mjs [--python python3] [--batch 20] [--steps 10]      after npm run setup
 *   node bench/gpu.mjs --device cpu                                      tests this without a GPU: batch 2, single steps
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { run } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";

const [OURS, RIVAL] = ["measure.mjs", "rival/measure.py"].map((file) =>
  join(fileURLToPath(new URL(".", import.meta.url)), file),
);

const NO_MEMORY = "out of memory";

const ours = { what: "ours, bfloat16", options: { baseline: true, precision: "bfloat16" } };
const eager = {
  what: "PyTorch, bfloat16, channels-last, fused Adam",
  options: { bfloat16: true },
  rival: true,
};
const settings = [
  ours,
  { what: "ours, tf32", options: { baseline: true, precision: "tf32" } },
  { what: "PyTorch as published", options: {}, rival: true },
  eager,
  { what: "… and torch.compile", options: { bfloat16: true, compiled: true }, rival: true },
];

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      device: { type: "string", default: "cuda" },
      python: { type: "string", default: "python3" },
      batch: { type: "string" },
      steps: { type: "string" },
      seconds: { type: "string" }, // Ignored. scripts/cuda-check/run.sh passes the same options to measure.mjs.
    },
  });
  const { device, python } = values;
  if (device !== "cuda" && device !== "cpu")
    throw new Failure(`--device: expected cuda or cpu, found ${device}`);
  const operations = await countOperations();
  const [usualBatch, usualSteps] = device === "cpu" ? [2, 1] : [20, 10];
  const first = wholeNumber("--batch", values.batch ?? usualBatch, 2);
  const steps = wholeNumber("--steps", values.steps ?? usualSteps, 1);
  const compiles = await probe(python, device);
  /** Median seconds per step, or why the measurement failed. */
  const measure = async ({ options, rival }, batch, times = 5) => {
    const request = JSON.stringify({ ...options, device, batch, steps });
    const [program, script] = rival ? [python, RIVAL] : [process.execPath, OURS];
    const { code, stdout, output } = await run(program, [script, "step", request, "--times", String(times)]);
    if (code !== 0) return { failure: reason(output) };
    const { seconds } = JSON.parse(stdout);
    return { seconds: seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)] / steps };
  };

  const rate = await matrixRate(device);
  console.log(`Matrix product in bfloat16: ${(rate / 1000).toFixed(1)} TFLOP/s\n`);
  console.log(
    "| batch | step | ms per step | images per second | speed-up of ours | share of the matrix rate |",
  );
  console.log("| --- | --- | --- | --- | --- | --- |");
  const report = async (batch) => {
    let best;
    for (const setting of settings) {
      if (setting.options.compiled && !compiles) continue;
      const { seconds, failure } = await measure(setting, batch);
      if (failure && failure !== NO_MEMORY && !setting.rival) process.exitCode = 1;
      if (setting === ours) best = seconds;
      const share = (operations(batch, setting) / seconds / rate).toLocaleString("en", { style: "percent" });
      const figures = [
        (1000 * seconds).toFixed(1),
        (batch / seconds).toPrecision(3),
        best ? `${(seconds / best).toFixed(2)} ×` : "",
        share,
      ];
      console.log(`| ${[batch, setting.what, ...(failure ? [failure] : figures)].join(" | ")} |`);
    }
  };
  await report(first);
  if (device === "cpu") return;
  let largest = first;
  for (let batch = 2 * first; ; batch *= 2) {
    const [here, there] = [await measure(ours, batch, 1), await measure(eager, batch, 1)];
    if (here.failure || there.failure) {
      console.log(
        `| ${batch} | ours: ${here.failure ?? "fits"}; PyTorch, bfloat16: ${there.failure ?? "fits"} |`,
      );
      if (here.failure && here.failure !== NO_MEMORY) process.exitCode = 1;
      break;
    }
    largest = batch;
  }
  if (largest > first) await report(largest);
});

/** Returns a function that gives the operations of a step in 1e9. Ours needs fewer than the published code. */
async function countOperations() {
  if (!existsSync(new URL("../packages/sdgan/dist/config/load.js", import.meta.url)))
    throw new Failure("The project is not built yet.\n  Remedy: npm run setup.");
  const { loadConfig } = await import("../packages/sdgan/dist/config/load.js");
  const { BASELINE, stepOperations } = await import("./operations.mjs");
  const config = loadConfig("cub", BASELINE);
  return (batch, { rival = false }) => batch * stepOperations(config, { published: rival });
}

/** GFLOP/s. */
async function matrixRate(device) {
  const options = JSON.stringify({ device, ...(device === "cpu" && { side: 1024, steps: 1 }) });
  const { code, stdout, output } = await run(process.execPath, [OURS, "matrices", options]);
  if (code !== 0) throw new Failure(`The matrix product failed on ${device}: ${reason(output)}`);
  return JSON.parse(stdout).gflops;
}

/** Whether this PyTorch has torch.compile. */
async function probe(python, device) {
  const words =
    "import torch; print(torch.__version__, torch.cuda.is_available(), hasattr(torch, 'compile'))";
  const { code, stdout, output } = await run(python, ["-c", words]);
  if (code !== 0)
    throw new Failure(
      `${python} cannot import torch: ${reason(output)}\n  Remedy: choose another Python with --python.`,
    );
  const [version, gpu, compiles] = stdout.trim().split(" ");
  if (device === "cuda" && gpu !== "True")
    throw new Failure(`The torch ${version} of ${python} finds no GPU.`);
  console.log(`PyTorch ${version}${compiles === "True" ? "" : ", which has no torch.compile"}`);
  return compiles === "True";
}

/** The line of a program's output that gives the reason of its failure. */
function reason(output) {
  if (/out of memory/i.test(output)) return NO_MEMORY;
  const lines = output.trim().split("\n");
  const candidates = [/fatal error/, /Error/, /./].map((sign) => lines.findLast((line) => sign.test(line)));
  return (candidates.find(Boolean) ?? "no output").trim().slice(0, 200);
}

function wholeNumber(option, given, least) {
  const value = Number(given);
  if (!Number.isInteger(value) || value < least)
    throw new Failure(`${option}: expected an integer of at least ${least}, found ${given}`);
  return value;
}
