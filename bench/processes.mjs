/**
 * What a step of `train gan` costs in several processes of this machine: images per second of 1 process with all threads,
 * and of 2 and 4 with one thread each, in turn; bytes and waiting; and a model of a step's time, fitted to other
 * measurements, beside them. Then what the model says of many GPUs with stated figures. Prints the tables of
 * docs/many-machines.md. Nothing else should run meanwhile.
 *
 *   node bench/processes.mjs                              cub, batch 8
 *   node bench/processes.mjs --preset birds-64 --batch 16
 *   [--steps 3] [--rounds 2] [--processes 2,4]
 *   node bench/processes.mjs --gpus                       only the tables of GPUs
 *   [--gpu-tflops 200] [--gpu-fixed-ms 20] [--network 25GB/s,20us] …
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { ROOT, setUp } from "../scripts/setup.mjs";
import { computeSeconds, fitCompute, fitNetwork, processorStep, ringSeconds } from "./step-model.mjs";

const CHILD = join(ROOT, "bench/process-step.mjs");
/** Nothing but training: 1e9 steps are never reached. */
const BARE = ["evaluate.every=0", "log.sampleEvery=1000000000", "log.checkpointEvery=1000000000"];
/** No weights of Inception are needed, and its place is taken by an encoder of half its image size. */
const OWN_ENCODER = ["damsm.encoder=convolutional"];
const MIB = 2 ** 20;
/** From what a control message has to what a bucket of gradients has. */
const SWEEP = { bytes: [64, 4096, MIB / 4, 4 * MIB, 25 * MIB], times: 8 };

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      preset: { type: "string", default: "cub" },
      batch: { type: "string", default: "8" },
      steps: { type: "string", default: "3" },
      rounds: { type: "string", default: "2" },
      processes: { type: "string", default: "2,4" },
      gpus: { type: "boolean", default: false },
      "gpu-tflops": { type: "string", default: "200" },
      "gpu-fixed-ms": { type: "string", default: "20" },
      network: { type: "string", multiple: true, default: ["50GB/s,5us", "25GB/s,20us"] },
    },
  });
  const [batch, steps, rounds] = ["batch", "steps", "rounds"].map((name) => wholeNumber(name, values[name]));
  const worlds = values.processes.split(",").map((one) => wholeNumber("processes", one));
  await setUp();
  const { printGpus } = await import("./gpu-scaling.mjs");
  const { preset } = values;
  if (!values.gpus) await measureHere({ preset, batch, steps, rounds, worlds });
  const gpu = { tflops: Number(values["gpu-tflops"]), fixed: Number(values["gpu-fixed-ms"]) / 1000 };
  printGpus({ preset, gpu, networks: values.network.map(networkOf) });
});

async function measureHere({ preset, batch, steps, rounds, worlds }) {
  const bad = worlds.find((world) => batch % world !== 0 || batch / world < 2);
  if (bad)
    throw new Failure(
      `--batch: ${bad} processes need a multiple of ${bad}, at least ${2 * bad}; found ${batch}`,
    );
  const cores = availableParallelism();
  const load = loadavg()[0];
  if (load > 0.5)
    console.log(
      `! the load is ${load.toFixed(1)}: other processes are running, so the figures will be unreliable\n`,
    );
  const { trafficOf } = await import("./traffic.mjs");
  const folder = await makeFolder(preset);
  const settings = [...BARE, ...OWN_ENCODER];
  const train = (size, options) => trainIn({ preset, folder, steps, settings, batch: size, ...options });
  // Batches of single processes, to which the model is fitted.
  const sizes = [Math.max(2, Math.floor(batch / 4)), Math.max(3, Math.floor(batch / 2))];
  const plan = {
    ...Object.fromEntries(sizes.map((size) => [`one ${size}`, () => train(size, { threads: 1 })])),
    ...Object.fromEntries(sizes.map((size) => [`all ${size}`, () => train(size, { threads: cores })])),
    beside: () => train(sizes[0], { threads: 1, beside: cores }),
    whole: () => train(batch, { threads: cores }),
    ...Object.fromEntries(
      worlds.map((world) => [`world ${world}`, () => train(batch, { threads: 1, world })]),
    ),
    ...Object.fromEntries(worlds.map((world) => [`sweep ${world}`, () => sweepIn(world)])),
  };
  const found = {};
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, measure] of Object.entries(plan)) {
        process.stderr.write(`\rround ${round + 1}: ${name} …\u001b[K`);
        found[name] = [...(found[name] ?? []), await measure()];
      }
    }
  } finally {
    process.stderr.write("\r\u001b[K");
    rmSync(folder, { recursive: true, force: true });
  }
  const step = (name) => median(found[name].flatMap(({ seconds }) => seconds));
  const [one, all] = ["one", "all"].map((kind) =>
    fitCompute(sizes.map((size) => [size, step(`${kind} ${size}`)])),
  );
  const contention = step("beside") / step(`one ${sizes[0]}`);
  const rows = [
    {
      ...{ name: `1 × ${cores}`, seconds: step("whole"), predicted: computeSeconds(all, batch) },
      ...{ waited: 0, messages: 0, computed: 0, measured: 0 },
    },
  ];
  const networks = [];
  for (const world of worlds) {
    const network = fitNetwork(
      SWEEP.bytes.map((bytes, i) => [
        bytes,
        Math.min(...found[`sweep ${world}`].map((points) => points[i][1])),
      ]),
      world,
    );
    networks.push({ world, ...network });
    const { sent } = trafficOf(preset, {
      worldSize: world,
      settings: [...settings, `training.batch=${batch}`],
    });
    const bytes = sent.gradients.bytes + sent["parts of the batch"].bytes;
    const measured = found[`world ${world}`];
    const { messages } = measured[0];
    const { computing, sums } = processorStep({
      ...{ world, cores, units: batch, compute: one, contention, network, bytes, messages },
    });
    rows.push({
      name: `${world} × 1${world > cores ? " (more than cores)" : ""}`,
      seconds: step(`world ${world}`),
      predicted: computing + sums,
      waited: median(measured.flatMap(({ waited }) => waited)),
      messages,
      // A ring sends 2(W − 1)/W of a message's bytes from each process.
      computed: (2 * (world - 1) * bytes) / world,
      measured: median(measured.map(({ loopback }) => loopback)) / world,
    });
  }
  print({ preset, batch, steps, rounds, rows, one, all, contention, networks, found });
}

function print({ preset, batch, steps, rounds, rows, one, all, contention, networks, found }) {
  const { images } = found.whole[0];
  console.log(
    `\`${preset}\`, batch ${batch} (${images} images a step), ${cpus().length} cores of ${cpus()[0].model.trim()}, medians of ` +
      `${rounds} × ${steps} steps, load ${loadavg()[0].toFixed(1)}:\n`,
  );
  console.log(
    "| processes × threads | images/s | of the first | s/step | model, s/step | model's error | waits for sums, s/step | messages a step | MiB sent by a process a step, computed | measured |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const { name, seconds, predicted, waited, messages, computed, measured } of rows) {
    const error = `${(100 * (predicted / seconds - 1)).toFixed(0)} %`;
    const sent = computed > 0 ? [computed, measured].map((bytes) => (bytes / MIB).toFixed(1)) : ["0", "0"];
    const ratio = (rows[0].seconds / seconds).toFixed(2);
    const times = [seconds.toFixed(3), predicted.toFixed(3), error, waited.toFixed(3), messages.toFixed(0)];
    console.log(`| ${[name, (images / seconds).toPrecision(3), ratio, ...times, ...sent].join(" | ")} |`);
  }
  const line = ({ fixed, perUnit }) => `${fixed.toFixed(3)} s + ${perUnit.toFixed(3)} s per pair`;
  console.log(`\nFitted: computing with one thread ${line(one)}, with all threads ${line(all)};`);
  console.log(`${contention.toFixed(2)} × as long with all cores in use;`);
  for (const { world, latency, bandwidth } of networks)
    console.log(
      `a ring of ${world} processes ${(1e6 * latency).toFixed(0)} µs and ${(bandwidth / 1e9).toFixed(2)} GB/s between ` +
        `neighbours (25 MiB in ${(1000 * ringSeconds(25 * MIB, world, { latency, bandwidth })).toFixed(0)} ms).`,
    );
  console.log();
}

/** A prepared folder of drawn birds, and a run folder with an untrained DAMSM: a step takes as long as with a trained one. */
async function makeFolder(preset) {
  const { loadConfig } = await import("../packages/sdgan/dist/config/load.js");
  const { imageSizes } = await import("@sdgan/core");
  const folder = mkdtempSync(join(tmpdir(), "sdgan-bench-"));
  const size = String(imageSizes(loadConfig(preset, OWN_ENCODER).generator).at(-1));
  const data = ["--species", "20", "--images", "5", "--size", size, "--out", join(folder, "data")];
  const made = ["--config", preset, "--data", join(folder, "data"), "--run", join(folder, "run")];
  const small = [...OWN_ENCODER, "damsm.batch=4"].flatMap((one) => ["--set", one]);
  for (const args of [
    ["prepare", "birds", ...data],
    ["train", "damsm", ...made, ...small, "--steps", "1"],
  ]) {
    const { code, output } = await run(process.execPath, ["packages/sdgan/bin/sdgan.js", ...args], {
      cwd: ROOT,
    });
    if (code !== 0) throw new Failure(`sdgan ${args.join(" ")} failed:\n${output.trim().slice(-2000)}`);
  }
  return folder;
}

/**
 * Steps of one training in `world` processes; with `beside`, of as many trainings of one process at the same time.
 */
async function trainIn({ preset, folder, settings, batch, threads, steps, world = 1, beside = 1 }) {
  const runs = mkdtempSync(join(tmpdir(), "sdgan-bench-runs-"));
  const options = (name) => ({
    ...{ what: "train", preset, folder, run: join(runs, name), warmUp: 1, steps, threads },
    settings: [...settings, `training.batch=${batch}`],
  });
  try {
    const all = await Promise.all(
      Array.from({ length: beside }, (_, i) => inProcesses(world, options(String(i)))),
    );
    return { ...all[0], seconds: all.flatMap(({ seconds }) => seconds) };
  } finally {
    rmSync(runs, { recursive: true, force: true });
  }
}

function sweepIn(world) {
  return inProcesses(world, { what: "sweep", ...SWEEP });
}

/** Runs `process-step.mjs` in several processes and returns what the first one found. */
async function inProcesses(world, options) {
  const { freePort } = await import("../packages/sdgan/dist/distributed/launch.js");
  const port = String(await freePort());
  const outputs = await Promise.all(
    Array.from({ length: world }, (_, rank) => {
      const place = { RANK: String(rank), LOCAL_RANK: String(rank), WORLD_SIZE: String(world) };
      const env = { ...process.env, ...place, MASTER_ADDR: "127.0.0.1", MASTER_PORT: port };
      return outputOf(spawn(process.execPath, [CHILD, JSON.stringify(options)], { cwd: ROOT, env }));
    }),
  );
  return JSON.parse(outputs[0]);
}

function outputOf(child) {
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  return new Promise((resolve, reject) =>
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Failure(`bench/process-step.mjs failed:\n${errors.trim()}`)),
    ),
  );
}

/** "25GB/s,20us" → bytes per second and seconds. */
function networkOf(given) {
  const [, bandwidth, latency] = /^([\d.]+)GB\/s,([\d.]+)us$/.exec(given) ?? [];
  if (!bandwidth) throw new Failure(`--network: expected for instance 25GB/s,20us, found ${given}`);
  return { bandwidth: 1e9 * Number(bandwidth), latency: 1e-6 * Number(latency) };
}

function wholeNumber(option, given) {
  const value = Number(given);
  if (!Number.isInteger(value) || value < 1)
    throw new Failure(`--${option}: expected a whole number of at least 1, found ${given}`);
  return value;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
