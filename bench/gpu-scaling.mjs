/** What the model of a step says of many GPUs: where more of them stop to pay, and what would move that. */
import { loadConfig } from "../packages/sdgan/dist/config/load.js";
import { BASELINE, phaseOperations } from "./operations.mjs";
import { gpuStep, halved, phasesOf } from "./step-model.mjs";
import { trafficOf } from "./traffic.mjs";

const WORLDS = [8, 64, 512];
/** The batch in which messages are counted. Their number, and the gradients' bytes, do not depend on it. */
const COUNTED = ["training.batch=4"];

/**
 * Prints tables: the batch of a GPU fixed, the batch of all fixed, and the largest number of GPUs that reach half of the
 * speed that they would have without messages.
 *
 * @param {{
 *   preset: string, gpu: { tflops: number, fixed: number }, networks: import("./step-model.mjs").Network[],
 * }} options
 */
export function printGpus({ preset, gpu: { tflops, fixed }, networks }) {
  const config = loadConfig(preset, BASELINE);
  const operations = phaseOperations(config);
  const traffic = trafficOf(preset, { settings: COUNTED });
  const synchronized = trafficOf(preset, { syncBatchNorm: true, settings: COUNTED }).sent;
  const phases = phasesOf(operations, traffic);
  const perImage = operations.images + operations.generator + sum(operations.discriminators);
  const perPair = (2 * perImage) / (1000 * tflops);
  const bytes = sum(traffic.discriminators) + traffic.generator;
  // The parts of the batch, the logged values, whether training goes on, and whether a checkpoint is due.
  const small = traffic.sent["parts of the batch"].count + 3;
  const ofNorms = synchronized["batch normalization"].count;
  const { batch } = config.training;
  const base = { gpu: { fixed, perUnit: perPair }, phases, small };
  console.log(
    `Many GPUs, by the model: \`${preset}\`, ${perImage.toFixed(0)} GFLOP per image at ${tflops} TFLOP/s and ${1000 * fixed} ms ` +
      `per step on one GPU; gradients of ${(bytes / 1e6).toFixed(0)} MB (generator ${(traffic.generator / 1e6).toFixed(0)}, discriminators ` +
      `${traffic.discriminators.map((one) => (one / 1e6).toFixed(0)).join(", ")}), ${small} small messages, a ring. ` +
      `Efficiency: images/s per GPU, relative to one GPU with the same work per step (batch of a GPU fixed) or to one GPU with the ` +
      `whole batch (batch of all fixed).\n`,
  );
  console.log(`| network | batch | ${["one GPU", ...WORLDS.map((world) => `${world} GPUs`)].join(" | ")} |`);
  console.log(`| --- | --- | ${["", ...WORLDS].map(() => "---").join(" | ")} |`);
  for (const network of networks) {
    const row = (what, cells) => console.log(`| ${[described(network), what, ...cells].join(" | ")} |`);
    const weak = (world) => gpuStep({ ...base, network, world, units: batch });
    row(`${batch} pairs per GPU`, [
      milliseconds(weak(1)),
      ...WORLDS.map((world) => cell(weak(world), weak(1) / weak(world))),
    ]);
    const all = 32 * batch;
    const strong = (world) => gpuStep({ ...base, network, world, units: all / world });
    row(`${all} pairs in all`, [
      milliseconds(strong(1)),
      ...WORLDS.map((world) =>
        all / world < 2 ? "fewer than 2 pairs each" : cell(strong(world), strong(1) / world / strong(world)),
      ),
    ]);
  }
  console.log(
    `\nThe most GPUs with an efficiency of at least 0.5 (powers of 2 up to 65,536), ${batch} pairs per GPU if not said otherwise:\n`,
  );
  console.log(`| change | ${networks.map(described).join(" | ")} |`);
  console.log(`| --- | ${networks.map(() => "---").join(" | ")} |`);
  const largestFirst = { ...phases, discriminators: phases.discriminators.toReversed() };
  const changes = {
    "as it is": {},
    "nothing sent while computing": { overlap: false },
    "largest discriminator first": { phases: largestFirst },
    "gradients in bfloat16": { phases: halved(phases) },
    "small messages by a tree": { tree: true },
    "gradients in bfloat16, small messages by a tree": { phases: halved(phases), tree: true },
    [`${4 * batch} pairs per GPU`]: { units: 4 * batch },
    [`${4 * batch} pairs per GPU, gradients in bfloat16, small messages by a tree`]: {
      ...{ units: 4 * batch, phases: halved(phases), tree: true },
    },
    [`training.syncBatchNorm=true: ${ofNorms} messages more`]: { small: small + ofNorms },
    "… by a tree": { small: small + ofNorms, tree: true },
  };
  for (const [what, change] of Object.entries(changes)) {
    const most = networks.map((network) => mostGpus({ units: batch, ...base, network, ...change }));
    console.log(`| ${[what, ...most].join(" | ")} |`);
  }
}

function mostGpus(options) {
  const alone = gpuStep({ ...options, world: 1 });
  const worlds = Array.from({ length: 17 }, (_, i) => 2 ** i);
  const most = worlds.findLast((world) => alone / gpuStep({ ...options, world }) >= 0.5);
  return most.toLocaleString("en");
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const milliseconds = (seconds) => `${(1000 * seconds).toFixed(0)} ms`;
const cell = (seconds, efficiency) => `${milliseconds(seconds)}, ${efficiency.toFixed(2)}`;
const described = ({ bandwidth, latency }) => `${bandwidth / 1e9} GB/s, ${(1e6 * latency).toFixed(0)} µs`;
