/**
 * Runs the project's operations on a device and on the processor, and compares the results.
 *
 *   node scripts/cuda-check/check.mjs [--device cuda|cpu]
 *
 * With `cpu` it compares the processor with itself, to test the check. Exits with 1 if anything differs or fails.
 */
import "../../packages/sdgan/dist/tuned.js"; // Before any module that loads libtorch.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  cat,
  cudaDriver,
  cudaIsAvailable,
  functional,
  Generator,
  grad,
  libtorchInfo,
  manualSeed,
  nn,
  optim,
  randn,
  scope,
  tensor,
  withAllCores,
} from "@sdgan/torch";
import { run } from "../../packages/addons/lib/command.mjs";
import { startComputing } from "../../packages/sdgan/dist/compute/compute.js";
import { loadConfig } from "../../packages/sdgan/dist/config/load.js";
import { makeWorkload } from "./workload.mjs";

/** @typedef {import("@sdgan/torch").Tensor} Tensor */
/** @typedef {"cpu" | "cuda"} Device */

const { values: options } = parseArgs({
  options: { device: { type: "string", default: "cuda" }, seconds: { type: "string" } },
});
const device = /** @type {Device} */ (options.device);

/** Float32 sums are computed in another order; a GPU's convolutions also use other algorithms. */
const TOLERANCE = 1e-3;

let [passed, failed] = [0, 0];

/**
 * @param {string} name
 * @param {() => string | undefined | Promise<string | undefined>} work returns a note to print; throws on failure
 */
async function check(name, work) {
  try {
    const note = await work();
    passed += 1;
    console.log(`✓ ${name}${note ? `: ${note}` : ""}`);
  } catch (error) {
    failed += 1;
    console.log(`✗ ${name}: ${/** @type {Error} */ (error).message}`);
  }
}

/**
 * Checks that results, and their gradients with respect to all inputs, are the same on both devices.
 *
 * @param {string} name
 * @param {number[][]} shapes of the inputs, which are normally distributed
 * @param {(...inputs: Tensor[]) => Tensor} fn
 */
function compare(name, shapes, fn) {
  return check(name, () =>
    scope(() => {
      manualSeed(1);
      const inputs = shapes.map((shape) => randn(shape));
      const on = (/** @type {Device} */ where) => {
        const moved = inputs.map((input) => input.clone().to(layoutOf(input, where)));
        for (const input of moved) input.requiresGrad = true;
        const output = fn(...moved);
        return [output, ...grad([output.square().mul(0.5).sum()], moved)];
      };
      return differences(on("cpu"), on(device));
    }),
  );
}

/**
 * Images are channels-last, as in the networks.
 *
 * @param {Tensor} input
 * @param {Device} where
 */
function layoutOf(input, where) {
  return input.dim === 4
    ? { device: where, memoryFormat: /** @type {const} */ ("channels_last") }
    : { device: where };
}

/**
 * @param {Tensor[]} expected
 * @param {Tensor[]} found
 * @returns {string} the largest relative difference
 */
function differences(expected, found) {
  const errors = expected.map((one, i) => {
    const other = /** @type {Tensor} */ (found[i]).detach().to({ device: "cpu" });
    const scale = one.detach().abs().amax([]).item() || 1;
    return other.sub(one.detach()).abs().amax([]).item() / scale;
  });
  const worst = Math.max(...errors.map((error) => (Number.isNaN(error) ? Number.POSITIVE_INFINITY : error)));
  if (!(worst <= TOLERANCE))
    throw new Error(`relative differences ${errors.map((e) => e.toExponential(1)).join(", ")}`);
  return worst.toExponential(1);
}

console.log(`libtorch ${libtorchInfo().version}, ${JSON.stringify(cudaDriver() ?? "no driver")}`);
if (device === "cuda" && !cudaIsAvailable()) {
  console.log("✗ libtorch finds no GPU; --device cpu runs this check without one");
  process.exit(1);
}
startComputing("float32", device);

await compare("linear", [[5, 7], [4, 7], [4]], (x, w, b) => functional.linear(x, w, b)); // biome-ignore format: shapes
await compare("convolution", [[4, 8, 16, 16], [12, 8, 3, 3]], (x, w) => functional.conv2d(x, w, { padding: 1 })); // biome-ignore format: shapes
await compare("strided convolution", [[4, 8, 16, 16], [12, 8, 4, 4]], (x, w) => functional.conv2d(x, w, { stride: 2, padding: 1 })); // biome-ignore format: shapes
await compare("transposed convolution", [[4, 8, 8, 8], [8, 12, 4, 4]], (x, w) => functional.convTranspose2d(x, w, { stride: 2, padding: 1 })); // biome-ignore format: shapes
for (const activation of /** @type {const} */ (["none", "leaky_relu", "glu"])) {
  await compare(`batch norm, ${activation}`, [[6, 8, 8, 8], [8], [8]], (x, weight, bias) =>
    functional.batchNorm(x, { weight, bias, training: true, activation, batches: [4, 2] }),
  ); // biome-ignore format: shapes
}
for (const extent of [1, 8]) {
  const cues = [6, 8, extent, extent];
  await compare(`conditional batch norm, ${extent}×${extent}`, [[6, 8, 8, 8], [8], [8], cues, cues], (x, weight, bias, scale, shift) =>
    functional.batchNorm(x, { weight, bias, scale, shift, training: true, activation: "glu" }),
  ); // biome-ignore format: shapes
}
await compare("word attention", [[2, 9, 5, 6]], (scores) =>
  functional.wordAttention(
    scores,
    tensor([[0, 0, 0, 1, 1, 1]], { dtype: "bool", device: /** @type {Device} */ (scores.device) }).repeat(
      5,
      1,
    ),
    4,
  ),
);
await check("batch norm's running statistics", () =>
  scope(() => {
    const on = (/** @type {Device} */ where) => {
      manualSeed(2);
      const norm = new nn.BatchNorm2d(4);
      norm.to({ device: where });
      for (let i = 0; i < 3; i++) norm.forwardBatches(randn([4, 4, 6, 6]).to({ device: where }), [1, 3]);
      const evaluated = norm.eval().forward(randn([2, 4, 6, 6]).to({ device: where }));
      if (norm.batchesTracked.item() !== 6)
        throw new Error(`${norm.batchesTracked.item()} batches, expected 6`);
      return [norm.runningMean, norm.runningVar, evaluated];
    };
    return differences(on("cpu"), on(device));
  }),
);
await check("LSTM over sentences, with its gradients, moved there and back", () =>
  scope(() => {
    manualSeed(3);
    const lstm = new nn.BidirectionalLstm(6, 5);
    const x = randn([4, 7, 6]);
    const on = (/** @type {Device} */ where) => {
      lstm.to({ device: where });
      const { output, last } = lstm.forward(x.to({ device: where }), [3, 7, 1, 5]);
      const loss = cat([output.flatten(), last.flatten()]).square().sum();
      return [output, last, ...grad([loss], lstm.weights)].map((result) => result.to({ device: "cpu" }));
    };
    const expected = on("cpu");
    on(device);
    on("cpu");
    return differences(expected, on(device));
  }),
);
await check("Adam, three steps", () =>
  scope(() => {
    const on = (/** @type {Device} */ where) => {
      manualSeed(4);
      const network = new nn.Sequential(new nn.Linear(8, 8), new nn.Conv2d(8, 8, 3));
      network.to({ device: where });
      const adam = new optim.Adam(network.namedParameters(), { learningRate: 0.01 });
      for (let i = 0; i < 3; i++) {
        const gradients = network.parameters().map((p) => randn(p.shape).to({ device: where }));
        optim.clipGradNorm(gradients, 5);
        adam.step(gradients);
      }
      return [...network.parameters(), ...adam.stateDict().values()];
    };
    return differences(on("cpu"), on(device));
  }),
);
await check("a random number stream resumes from its state", () =>
  scope(() => {
    for (const stream of [Generator.default(device), Generator.seeded(5, device)]) {
      const generator = stream;
      const state = generator.state;
      const first = randn([100], { device, generator }).toNumbers();
      generator.state = state;
      const again = randn([100], { device, generator }).toNumbers();
      if (first.join() !== again.join()) throw new Error("the same state gave different numbers");
    }
    return undefined;
  }),
);
await check("tensors copied to the device are complete", () =>
  scope(() => {
    for (let i = 0; i < 200; i++) {
      const made = tensor(new Int32Array(5000).fill(i), { device, dtype: "int64" });
      if (made.sum().item() !== 5000 * i) throw new Error(`sum ${made.sum().item()}, expected ${5000 * i}`);
    }
    return undefined;
  }),
);

const tiny = [
  ...["generator.width=8", "discriminator.width=8", "text.width=32", "text.embedding=32", "damsm.width=8"],
  ...["training.batch=4", "generator.scbn=both", "training.precision=float32"],
];
/** @type {number[][]} */
let exact = [];
/**
 * Losses of three whole training steps, DAMSM's among them.
 *
 * @param {Device} where
 * @param {"float32" | "tf32" | "bfloat16"} precision
 */
function threeSteps(where, precision) {
  const config = loadConfig("birds-64", tiny);
  const compute = startComputing(precision, where);
  manualSeed(6);
  const workload = makeWorkload(config, compute);
  return [1, 2, 3].map(() => workload.losses());
}
await check("three training steps in float32", () => {
  exact = threeSteps("cpu", "float32");
  return compareLosses(threeSteps(device, "float32"), 0.02);
});
await check("in tf32", () => compareLosses(threeSteps(device, "tf32"), 0.1));
await check("in bfloat16", () => compareLosses(threeSteps(device, "bfloat16"), 0.3));

/**
 * Differences relative to the largest loss. In later steps Adam has amplified small differences of the first.
 *
 * @param {number[][]} found
 * @param {number} tolerance
 */
function compareLosses(found, tolerance) {
  const errors = exact.map((losses, step) => {
    const scale = Math.max(...losses.map(Math.abs));
    return Math.max(...losses.map((loss, i) => Math.abs(loss - (found[step]?.[i] ?? Number.NaN)) / scale));
  });
  const listed = errors.map((error) => error.toExponential(1)).join(", ");
  if (!errors.every((error) => error <= tolerance)) throw new Error(`differences by step ${listed}`);
  return listed;
}

const folder = mkdtempSync(join(tmpdir(), "sdgan-check-"));
const [data, runFolder] = [join(folder, "data"), join(folder, "run")];
/** @param {string[]} args */
async function sdgan(...args) {
  const command = ["packages/sdgan/bin/sdgan.js", ...args];
  const { ended } = withAllCores(() => ({ ended: run(process.execPath, command) })); // libtorch bound this thread to one core.
  const { code, output } = await ended;
  if (code !== 0) throw new Error(output.trim().split("\n").slice(-3).join(" | "));
  const warnings = output.split("\n").filter((line) => line.includes("Warning"));
  return warnings.length > 0 ? `warned: ${[...new Set(warnings)].slice(0, 3).join(" | ")}` : undefined;
}
const size = ["--size", "64", "--species", "12", "--images", "4"];
const small = tiny.slice(0, -1).flatMap((setting) => ["--set", setting]);
const settings = [
  ...small,
  "--set",
  "attributeClassifier.width=8",
  "--set",
  "damsm.batch=8",
  "--set",
  "attributeClassifier.batch=8",
];
await check("sdgan prepare birds", () => sdgan("prepare", "birds", "--out", data, ...size));
for (const training of ["damsm", "attribute-classifier", "gan"]) {
  const common = ["train", training, "--data", data, "--run", runFolder, "--device", device];
  const first = ["--config", "birds-64", ...settings, "--steps", "6"];
  await check(`sdgan train ${training}`, () => sdgan(...common, ...first));
  await check(`sdgan train ${training} --resume`, () => sdgan(...common, "--resume", "--steps", "12"));
}
const draw = ["generate", "--run", runFolder, "--caption", "a small bird", "--out", join(folder, "out")];
await check("sdgan generate", () => sdgan(...draw, "--device", device));
await check("sdgan generate on the processor, with the same run", () => sdgan(...draw, "--device", "cpu"));
const measure = ["evaluate", "--run", runFolder, "--data", data, "--images", "4"];
await check("sdgan evaluate", () => sdgan(...measure, "--device", device));
rmSync(folder, { recursive: true, force: true });

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
