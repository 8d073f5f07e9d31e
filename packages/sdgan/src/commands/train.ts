import { join } from "node:path";
import { presetNames, presets } from "@sdgan/core/basics";
import type { Command } from "commander";
import type { Device } from "../compute/device.js";
import { placementOf } from "../distributed/environment.js";
import { launchedProcesses } from "../distributed/launched.js";
import type { Training, TrainingOutline, TrainingResult } from "../training/train.js";
import { commandLine } from "./command-line.js";
import { UsageError } from "./errors.js";
import { Interruption } from "./interruption.js";
import { collect, deviceOption, positiveNumber, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { chooseGpu, launchAll, processesOption, together } from "./several-processes.js";
import { withTorch } from "./with-torch.js";

/** `sdgan train damsm|gan|attribute-classifier` */
export function addTrain(program: Command): void {
  const train = program
    .command("train")
    .description("train a model: DAMSM first, then the GAN")
    .addHelpText(
      "after",
      `
Examples:
  npx sdgan train damsm --config birds-64 --data data/birds --run runs/birds
  npx sdgan train gan --config birds-64 --data data/birds --run runs/birds --minutes 20

On your own images, beginning with the weights of that run (docs/finetuning.md):
  npx sdgan train damsm --from runs/birds --data data/mine --run runs/mine --steps 400
  npx sdgan train gan --from runs/birds --data data/mine --run runs/mine --minutes 20`,
    );
  for (const { name, description, more } of trainings) {
    const command = train.command(name).description(description);
    requiredOption(command, "--data <folder>", "a prepared folder, from sdgan prepare");
    requiredOption(command, "--run <folder>", "the run folder; the same for all trainings of one model");
    command
      .option("--config <name|file>", "a preset, of those below, or a YAML file")
      .option("--set <key=value>", "change a value of the configuration; may be repeated", collect)
      .option("--resume", "continue from the newest checkpoint, with the run's own configuration")
      .option("--steps <count>", "stop after this step, counted from the start of the run", wholeNumber(1))
      .option("--minutes <number>", "stop after this many minutes, if that is earlier", positiveNumber)
      .addOption(deviceOption(command))
      .option("--threads <count>", "threads to compute with; by default one per core", wholeNumber(1, 1024))
      .addHelpText("after", () => helpFor(name, more))
      .action((options: Options) => show(name, options));
    if (name !== "attribute-classifier")
      command.option(
        "--from <run>",
        "another run folder; training begins with its weights and configuration, and knows its words too",
      );
    if (name === "gan")
      command
        .option("--damsm <folder>", "another run folder; its DAMSM is copied into this one")
        .addOption(processesOption(command, "train", "each batch"));
    if (name === "damsm")
      command.option(
        "--inception <file>",
        "torchvision's Inception weights; required if damsm.encoder is inception",
      );
  }
}

const trainings: { name: Training; description: string; more: string }[] = [
  {
    name: "damsm",
    description: "text encoder and image encoder: which caption belongs to which image",
    more: "The result is written to damsm/ of the run folder, where train gan expects it.",
  },
  {
    name: "gan",
    description: "generator and discriminators, with the DAMSM of the same run folder",
    more: "The model that sdgan generate uses is written to the run folder.",
  },
  {
    name: "attribute-classifier",
    description: "network that predicts an image's attributes, for evaluation on the built-in birds",
    more: "The result is written to attribute-classifier/ of the run folder. It shares no weights with the GAN.",
  },
];

function helpFor(name: Training, more: string): string {
  return `
${more}
Ctrl-C finishes the step, saves, prints the command that continues, and exits with code 130; a second Ctrl-C exits
immediately. SIGTERM (143) and a closed terminal (129) save too; with nohup, training continues without its terminal.
Checkpoints are also written every log.checkpointMinutes, by default 10. On a CPU the same seed, data and number of
threads give the same run bit for bit, even if it was stopped and resumed.

Presets:
${presetNames.map((preset) => `  ${preset.padEnd(10)} ${presets[preset].description}`).join("\n")}

Example:
  npx sdgan train ${name} --config birds-64 --data data/birds --run runs/birds --set seed=1`;
}

interface Options {
  data: string;
  run: string;
  config?: string;
  set?: string[];
  resume?: boolean;
  steps?: number;
  minutes?: number;
  device?: Device;
  threads?: number;
  damsm?: string;
  from?: string;
  inception?: string;
  processes?: number;
}

async function show(training: Training, options: Options): Promise<void> {
  const placement = placementOf(process.env);
  if (placement && training !== "gan")
    throw new UsageError(
      `train ${training} uses one process, and the environment describes ${placement.worldSize} (WORLD_SIZE or Slurm's ` +
        "tasks): run it with one; only train gan can use several",
    );
  const { processes: count = 1 } = options;
  if (count > 1) {
    // A wrong configuration is reported before anything starts, if libtorch is not needed to find it.
    if (options.config !== undefined || options.from === undefined) await configOf(training, options);
    return launchAll({ ...options, processes: count }, placement);
  }
  if (placement) chooseGpu(placement);
  const config = placement ? undefined : await configOf(training, options);
  const [{ train }, evaluators] = await withTorch(
    () => Promise.all([import("../training/train.js"), import("../evaluation/during-training.js")]),
    options.threads,
  );
  let progress: Progress | undefined;
  const isFirst = !placement || placement.rank === 0;
  const say = (line: string) => {
    if (progress) progress.log(line);
    else if (isFirst) console.error(line);
  };
  using interruption = new Interruption(say);
  const { data, run, steps, minutes, damsm, from, inception, device } = options;
  try {
    const result = await together(placement, device, async (processes) =>
      train(training, {
        ...{ data, run, steps, damsm, from, inception, device, processes },
        // Read when all processes have joined: if it is wrong, the others do not wait for process 0.
        config: config ?? (isFirst ? await configOf(training, options) : "resume"),
        signal: interruption.signal,
        seconds: minutes && 60 * minutes,
        ...evaluators,
        onBegin(outline) {
          if (!isFirst) return;
          for (const line of opening(training, outline)) say(line);
          if (processes) say(`Training in ${processes.worldSize} processes`);
          progress = progressOf(training, outline, minutes);
        },
        onStep: (step, losses) => progress?.update(step, inBrief(losses)),
        onWarning: (line) => say(`Warning: ${line}`),
      }),
    );
    progress?.[Symbol.dispose]();
    if (isFirst) console.log(closing(training, options, result));
  } catch (error) {
    progress?.abandon();
    throw error;
  }
  if (interruption.exitCode !== undefined) process.exitCode = interruption.exitCode;
}

async function configOf(training: Training, { config, set, resume, run, damsm, from, threads }: Options) {
  if (resume) {
    const [given] =
      Object.entries({ config, set, damsm, from }).find(([, value]) => value !== undefined) ?? [];
    if (given !== undefined)
      throw new UsageError(`--resume uses the configuration in ${run}: leave out --${given}`);
    return "resume";
  }
  const { loadConfig } = await import("../config/load.js");
  if (config !== undefined) return loadConfig(config, set);
  if (from === undefined)
    throw new UsageError(
      `train ${training}: give --config with a preset or a YAML file, --from with a run to begin from, or --resume to ` +
        "continue a run",
    );
  const { damsmStart, ganStart } = await withTorch(() => import("../artifacts/start.js"), threads);
  const { path } = training === "damsm" ? damsmStart(from) : ganStart(from);
  // All stages of the run that training begins with are trained.
  return loadConfig(join(path, "config.yaml"), ["training.grow=[]", ...(set ?? [])]);
}

function progressOf(training: Training, { from, to, imagesPerStep }: TrainingOutline, minutes?: number) {
  return new Progress({
    ...{
      label: training,
      start: from,
      total: Math.max(from, to),
      unit: "images",
      unitsPerStep: imagesPerStep,
    },
    ...(minutes !== undefined && { seconds: 60 * minutes }),
  });
}

function opening(training: Training, { folder, from, device, samples }: TrainingOutline): string[] {
  const ofSamples = `samples: ${folder}/samples, of captions of the split ${samples}`;
  return [
    ...(device === "cuda" ? ["Computing on the GPU"] : []),
    ...(from > 0 ? [`Resuming after step ${from}`] : []),
    `Metrics: ${folder}/metrics.jsonl${training === "gan" ? `; ${ofSamples}` : ""}`,
  ];
}

/** One number per network or term, so that they fit into a line: stages are added up, by their `sum` where there is one. */
function inBrief(losses: Record<string, number>): Record<string, number> {
  const groups = new Map<string, [name: string, loss: number][]>();
  for (const [name, loss] of Object.entries(losses)) {
    const group = name.split("/")[0]!;
    groups.set(group, [...(groups.get(group) ?? []), [name, loss]]);
  }
  return Object.fromEntries(
    Array.from(groups, ([group, terms]) => {
      const sums = terms.filter(([name]) => name.endsWith("/sum"));
      return [group, (sums.length > 0 ? sums : terms).reduce((total, [, loss]) => total + loss, 0)];
    }),
  );
}

/** The run's state, and the commands to run next. */
function closing(
  training: Training,
  options: Options,
  { folder, step, complete, stoppedEarly, caption }: TrainingResult,
): string {
  const { data, run, device, threads } = options;
  const early =
    stoppedEarly &&
    `Stopped early (training.patience): ${stoppedEarly.name} did not improve after step ${stoppedEarly.step}. ` +
      "The checkpoint of that step is kept; sdgan generate and sdgan evaluate use it with --checkpoint best";
  const state = `${folder}: ${complete ? "complete after" : "stopped and saved after"} step ${step}`;
  const processes = launchedProcesses();
  const machine = [
    ...(device ? ["--device", device] : []),
    ...(threads ? ["--threads", threads * (processes ?? 1)] : []),
    ...(processes === undefined ? [] : ["--processes", processes]),
  ];
  const same = ["--data", data, "--run", run, ...machine];
  const { from } = options;
  const config =
    options.config === undefined && from !== undefined
      ? []
      : ["--config", options.config ?? `${folder}/config.yaml`];
  const begin = [...(from === undefined ? [] : ["--from", from]), ...config];
  const set = (options.set ?? []).flatMap((one) => ["--set", one]);
  const next = {
    damsm: commandLine("train", "gan", ...begin, ...set, ...same),
    gan: commandLine("generate", "--run", run, "--caption", caption, "--out", `${run}/images`),
    "attribute-classifier": undefined,
  }[training];
  const further = options.steps && step < options.steps ? ["--steps", options.steps] : [];
  const resume = commandLine("train", training, ...same, "--resume", ...further);
  return [
    state,
    ...(early ? [early] : []),
    ...(complete ? [] : [`To continue: ${resume}`]),
    ...(next ? [`Next: ${next}`] : []),
  ].join("\n");
}
