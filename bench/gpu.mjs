/**
 * The AttnGAN training step at the papers' size (256 pixels, no DAMSM) on a GPU: ours beside PyTorch's, eager and
 * compiled, in turn, each in a process of its own; at batch 20, and at the largest of 40, 80, … that both have the
 * memory for in bfloat16. Prints a table; its last column is the share of the rate at which the GPU multiplies large matrices.
 *
 *   node bench/gpu.mjs [--python python3] [--batch 20] [--steps 10]      after npm run setup
 *   node bench/gpu.mjs --device cpu                                      tries it without a GPU: batch 2, single steps
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
      seconds: { type: "string" }, // Of scripts/cuda-check/measure.mjs: run.sh gives both the same.
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
  /** Seconds of a step, the median; or why there are none. */
  const measure = async ({ options, rival }, batch, times = 5) => {
    const asked = JSON.stringify({ ...options, device, batch, steps });
    const [program, script] = rival ? [python, RIVAL] : [process.execPath, OURS];
    const { code, stdout, output } = await run(program, [script, "step", asked, "--times", String(times)]);
    if (code !== 0) return { failure: reason(output) };
    const { seconds } = JSON.parse(stdout);
    return { seconds: seconds.sort((a, b) => a - b)[Math.floor(seconds.length / 2)] / steps };
  };

  const rate = await matrixRate(device);
  console.log(`Matrices of bfloat16: ${(rate / 1000).toFixed(1)} TFLOP/s\n`);
  console.log("| batch | step | ms a step | images a second | ours is faster by | of the matrix rate |");
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

/** What gives 1e9 operations of a step: ours leaves some of the published ones out. */
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
  if (code !== 0) throw new Failure(`Matrices cannot be multiplied on ${device}: ${reason(output)}`);
  return JSON.parse(stdout).gflops;
}

/** Whether this PyTorch has torch.compile. */
async function probe(python, device) {
  const words =
    "import torch; print(torch.__version__, torch.cuda.is_available(), hasattr(torch, 'compile'))";
  const { code, stdout, output } = await run(python, ["-c", words]);
  if (code !== 0)
    throw new Failure(
      `${python} has no torch to measure beside: ${reason(output)}\n  Remedy: --python names another.`,
    );
  const [version, gpu, compiles] = stdout.trim().split(" ");
  if (device === "cuda" && gpu !== "True")
    throw new Failure(`The torch ${version} of ${python} finds no GPU.`);
  console.log(`PyTorch ${version}${compiles === "True" ? "" : ", which has no torch.compile"}`);
  return compiles === "True";
}

/** The line of a program's output that says why it failed. */
function reason(output) {
  if (/out of memory/i.test(output)) return NO_MEMORY;
  const lines = output.trim().split("\n");
  const told = [/fatal error/, /Error/, /./].map((sign) => lines.findLast((line) => sign.test(line)));
  return (told.find(Boolean) ?? "it says nothing").trim().slice(0, 200);
}

function wholeNumber(option, given, least) {
  const value = Number(given);
  if (!Number.isInteger(value) || value < least)
    throw new Failure(`${option}: expected a whole number from ${least} on, found ${given}`);
  return value;
}
