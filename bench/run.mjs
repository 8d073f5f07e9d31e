/**
 * Compares this project with PyTorch, alternating, in one run on this machine. Prints a table of medians and ratios, and
 * writes it with the machine, the versions and the commit to `bench/results/`. It takes about ten minutes; nothing else
 * should run meanwhile. PyTorch is Debian's python3-torch, which is installed if no password is needed.
 *
 *   npm run bench
 *   npm run bench -- --rounds 1          half the time, less certain
 *   npm run bench -- --only "generation" only rows whose names contain this
 *   npm run bench -- --check             only checks that the PyTorch scripts compute the same
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../packages/addons/lib/command.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { ROOT, setUp } from "../scripts/setup.mjs";
import { PYTHON, requireModule } from "./python.mjs";
import { checkTraining, makeTrainingFolder } from "./training-folder.mjs";

const RIVAL = join(ROOT, "bench/rival/measure.py");
const GOLDEN = join(ROOT, "packages/sdgan/golden/attngan-trajectory.safetensors");

/** Keeps freed memory, as our training does. */
const TUNED = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 30),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 31 - 1),
  MALLOC_TOP_PAD_: String(2 ** 26),
};

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "2" },
      only: { type: "string", default: "" },
      check: { type: "boolean", default: false },
    },
  });
  await setUp();
  const { table } = await import("./table.mjs"); // Imports compiled code, which set-up makes.
  await requireModule("torch", ["python3-torch", "python3-numpy", "libopenblas0-openmp"]);
  const load = loadavg()[0];
  if (load > 0.5 && !values.check)
    console.log(
      `! the load is ${load.toFixed(1)}: other processes are running, so the figures will be unreliable`,
    );
  const selected = table.filter(({ what }) => what.includes(values.only));
  const worst = await checkRival();
  console.log(`✓ the PyTorch script reproduces the published steps: losses within ${worst.toExponential(1)}`);
  const trains = selected.some(({ needs }) => needs.some(({ what }) => what === "training"));
  const folder = trains ? await makeTrainingFolder() : undefined;
  try {
    if (folder)
      for (const found of await checkTraining(folder))
        console.log(`✓ the PyTorch script takes the same steps of SD-GAN: ${found}`);
    if (!values.check)
      await compare(selected, { rounds: Number(values.rounds), folder, all: values.only === "" });
  } finally {
    if (folder) rmSync(folder, { recursive: true });
  }
});

/**
 * Measures all rows in turn, and prints them.
 *
 * @param {typeof import("./table.mjs").table} selected
 * @param {{ rounds: number, folder: string | undefined, all: boolean }} options `all` rows are written to a file
 */
async function compare(selected, { rounds, folder, all }) {
  const measured = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const { needs } of selected) {
      for (const need of needs) {
        const key = JSON.stringify(need);
        const results = measured.get(key) ?? [];
        if (results.length > round) continue; // Another row of this round has measured it.
        process.stderr.write(`\rround ${round + 1}: ${describe(need)} …\u001b[K`);
        measured.set(key, [...results, await measure(need, folder)]);
      }
    }
  }
  process.stderr.write("\r\u001b[K");
  const rows = selected.map(({ what, unit, needs, row }) => {
    const results = needs.map((need) => merge(measured.get(JSON.stringify(need))));
    return { what, ...figures(row(...results)), unit };
  });
  for (const row of rows) console.log(line(row));
  if (all) console.log(`Written to ${await save(rows)}`);
  else console.log("Not written to bench/results: --only selected some of the rows.");
}

/** Checks that the PyTorch script's losses equal those of the published code. */
async function checkRival() {
  const { worst } = await json(PYTHON, [RIVAL, "check", GOLDEN], {});
  if (!(worst < 1e-3))
    throw new Failure(
      `bench/rival does not reproduce the published steps: losses differ by ${worst}, expected less than 1e-3`,
    );
  return worst;
}

/**
 * @param {{ by: string, what: string, options?: object, times?: number, environment?: object }} need
 * @param {string | undefined} folder from `makeTrainingFolder`
 */
async function measure({ by, what, options = {}, times = 3, environment = {} }, folder) {
  if (by === "command") return time(options.words, times);
  const env = by === "PyTorch tuned" ? TUNED : {};
  const [program, script] =
    by === "ours" ? [process.execPath, join(ROOT, "bench/measure.mjs")] : [PYTHON, RIVAL];
  const given = JSON.stringify({ ...options, ...(what === "training" && { folder }) });
  return json(program, [script, what, given, "--times", String(times)], {
    ...{ ...env, ...environment },
    BENCH_BEGAN: String(Date.now()), // From here to the first step is the start of a training.
  });
}

async function time([program, ...args], times) {
  const seconds = [];
  for (let i = 0; i < times; i++) {
    const begin = performance.now();
    await run(program, args, { cwd: ROOT });
    seconds.push((performance.now() - begin) / 1000);
  }
  return { seconds };
}

async function json(program, args, environment) {
  const { code, stdout, output } = await run(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
  });
  if (code !== 0)
    throw new Failure(
      `${program} ${args.join(" ")} failed:\n${output.trim().split("\n").slice(-5).join("\n")}`,
    );
  return JSON.parse(stdout);
}

/** Merges the results of all rounds of one measurement. */
function merge(results) {
  return {
    ...results[0],
    ...(results[0].seconds && { seconds: results.flatMap(({ seconds }) => seconds) }),
    ...(results[0].startSeconds && {
      startSeconds: results.flatMap(({ startSeconds }) => startSeconds),
    }),
    ...(results[0].percent && { percent: results.flatMap(({ percent }) => percent) }),
    ...(results[0].gflops && { gflops: Math.max(...results.map(({ gflops }) => gflops)) }),
    ...(results[0].peakMiB && { peakMiB: Math.max(...results.map(({ peakMiB }) => peakMiB)) }),
  };
}

function describe({ by, what, label = "", options = {} }) {
  if (by === "command") return what;
  const { config, ...rest } = options;
  return `${by}, ${what} ${[label, ...Object.entries(rest).flat()].join(" ")}`;
}

/** Medians, with minimum and maximum. */
function figures({ ours, rival, ratio }) {
  const range = ({ min, max }) => [min, max];
  return {
    ours: ours.median,
    rival: rival?.median ?? null,
    ratio: ratio ?? null,
    range: { ours: range(ours), rival: rival ? range(rival) : null },
  };
}

function line({ what, ours, rival, ratio, unit, range }) {
  const value = (median, between) =>
    median === null
      ? ""
      : `${median.toPrecision(3)} (${between.map((one) => one.toPrecision(3)).join(" … ")})`;
  const right = ratio === null ? "" : `${ratio.toFixed(2)} ×`;
  return `${what.padEnd(48)} ${value(ours, range.ours).padEnd(26)} ${value(rival, range.rival).padEnd(26)} ${right.padStart(8)}  ${unit}`;
}

async function save(rows) {
  const commit = (await run("git", ["-C", ROOT, "rev-parse", "--short", "HEAD"])).stdout.trim();
  const pytorch = (await run(PYTHON, ["-c", "import torch; print(torch.__version__)"])).stdout.trim();
  const { libtorchInfo } = await import("../packages/torch/dist/index.js");
  const date = new Date().toISOString().slice(0, 10);
  const result = {
    date,
    commit,
    machine: { processor: cpus()[0].model.trim(), cores: cpus().length, memoryGiB: totalmem() / 2 ** 30 },
    versions: { node: process.versions.node, libtorch: libtorchInfo().version, pytorch },
    rows,
  };
  const folder = join(ROOT, "bench/results");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${date}-${commit}-pytorch-${Number.parseFloat(pytorch)}.json`);
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}
