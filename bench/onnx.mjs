/**
 * Measures generation at 256 pixels in onnxruntime: AttnGAN's generator exported by `sdgan export onnx` beside the same
 * generator exported by PyTorch's `torch.onnx.export`. Both have the same weights, which PyTorch wrote at CUB's sizes,
 * get the same inputs, and take turns, image by image. Prints medians in milliseconds as JSON, and how much the images
 * differ. PyTorch is Debian's python3-torch.
 *
 *   node bench/onnx.mjs [--times 20] [--threads 2]
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { run } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { ROOT, setUp } from "../scripts/setup.mjs";
import { PYTHON, requireModule } from "./python.mjs";

const options = /** @type {const} */ ({
  times: { type: "string", default: "20" },
  threads: { type: "string", default: "2" },
  export: { type: "string" },
});

await runAsProgram(import.meta.url, async () => {
  const { times, threads, export: exportTo } = parseArgs({ options }).values;
  if (exportTo) return await exportModel(exportTo);
  if (!(Number(times) > 0 && Number(threads) > 0))
    throw new Failure(
      `--times ${times} --threads ${threads}: expected two numbers above 0, such as --times 20 --threads 2`,
    );
  await setUp();
  await requireModule("torch", ["python3-torch", "libopenblas0-openmp"]);
  const folder = mkdtempSync(join(tmpdir(), "sdgan-onnx-"));
  try {
    await started(PYTHON, [join(ROOT, "bench/rival/exchange.py"), "write", folder]);
    // In a process of its own: libtorch binds the thread that loads it, and all that this starts, to one core.
    await started(process.execPath, [fileURLToPath(import.meta.url), "--export", folder]);
    const rival = join(folder, "rival.onnx");
    await started(PYTHON, [join(ROOT, "bench/rival/onnx.py"), folder, rival]);
    const files = { sdgan: join(folder, "model/generator.onnx"), "torch.onnx.export": rival };
    const result = await measure(files, { times: Number(times), threads: Number(threads) });
    console.log(JSON.stringify(result, undefined, 2));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * Imports the weights in `folder`, and exports their generator to `folder/model`.
 * @param {string} folder
 */
async function exportModel(folder) {
  await import("../packages/sdgan/dist/tuned.js"); // Before any module that loads libtorch.
  const { importAttngan } = await import("../packages/sdgan/dist/exchange/import-attngan.js");
  const { exportOnnxModel } = await import("../packages/sdgan/dist/exchange/export-onnx.js");
  const imported = join(folder, "run");
  importAttngan({ files: [join(folder, "zip")], run: imported, config: "cub" });
  await exportOnnxModel({ run: imported, out: join(folder, "model") });
}

/**
 * @param {Record<string, string>} files
 * @param {{ times: number, threads: number }} options
 */
async function measure(files, { times, threads }) {
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const { Random } = await import("@sdgan/core");
  const numbers = new Random(0, "inputs");
  /** @param {number[]} shape */
  const random = (shape) => {
    const values = Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * numbers.uniform() - 1);
    return new Tensor("float32", Float32Array.from(values), shape);
  };
  const [batch, length, width] = [1, 12, 256];
  const inputs = {
    z: random([batch, 100]),
    epsilon: random([batch, 100]),
    words: random([batch, width, length]),
    sentence: random([batch, width]),
    lengths: new Tensor(
      "int64",
      BigInt64Array.from({ length: batch }, () => BigInt(length)),
      [batch],
    ),
  };
  const image = "image_256";
  const generators = await Promise.all(
    Object.entries(files).map(async ([name, file]) => {
      const session = await InferenceSession.create(file, { intraOpNumThreads: threads });
      const feeds = Object.fromEntries(
        Object.entries(inputs).filter(([input]) => session.inputNames.includes(input)),
      );
      return { name, run: async () => (await session.run(feeds, [image]))[image], durations: [], file };
    }),
  );
  for (let i = 0; i < times + 3; i++)
    for (const { run, durations } of generators) {
      const started = performance.now();
      await run();
      if (i >= 3) durations.push(performance.now() - started);
    }
  const [ours, theirs] = await Promise.all(generators.map(({ run }) => run()));
  const difference = ours.data.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - theirs.data[i])),
    0,
  );
  const medians = generators.map(({ durations }) => median(durations));
  return {
    milliseconds: Object.fromEntries(generators.map(({ name }, i) => [name, round(medians[i])])),
    ratio: round(medians[1] / medians[0], 2),
    megabytes: Object.fromEntries(
      generators.map(({ name, file }) => [name, round(statSync(file).size / 1e6)]),
    ),
    largestDifference: difference,
    threads,
  };
}

/**
 * @param {string} program
 * @param {string[]} args
 */
async function started(program, args) {
  const { code, output } = await run(program, args, { cwd: ROOT });
  if (code !== 0) throw new Failure(`${program} ${args.join(" ")} failed:\n${output.trim()}`);
}

/** @param {number[]} all */
function median(all) {
  return all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];
}

/** @param {number} value */
function round(value, digits = 1) {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
