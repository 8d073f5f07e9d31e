import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ContrastNames } from "../ablation/contrasts.js";
import { variants } from "../ablation/variants.js";
import { commandLine, flagOf } from "./command-line.js";
import { Interruption } from "./interruption.js";
import { collect, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { withTorch } from "./with-torch.js";

/** `sdgan ablate` */
export function addAblate(program: Command): void {
  const command = program
    .command("ablate")
    .description(
      "train variants of the method with several seeds, evaluate each run, and write a comparison table",
    );
  requiredOption(
    command,
    "--config <name|file>",
    "the configuration that all variants share: a preset or a YAML file",
  );
  requiredOption(command, "--data <folder>", "a prepared folder, from sdgan prepare");
  requiredOption(
    command,
    "--out <folder>",
    "the ablation's folder; give the same folder again to continue an interrupted ablation",
  );
  command
    .option("--set <key=value>", "change a value of the configuration; may be repeated", collect)
    .option("--variants <names>", "comma-separated names from the list below; by default all", namesOf)
    .addOption(
      new Option("--seeds <numbers>", "comma-separated seeds").argParser(seedsOf).default([0, 1, 2], "0,1,2"),
    )
    .option(
      "--contrast <one,other>",
      "also report the difference of these two variants, the first minus the second; may be repeated",
      collectContrasts,
    )
    .option("--steps <count>", "steps per run; by default the configuration's", wholeNumber(1))
    .option("--jobs <count>", "number of runs to train in parallel", wholeNumber(1, 64), 1)
    .option(
      "--threads <count>",
      "threads per run; by default the cores divided by --jobs",
      wholeNumber(1, 1024),
    )
    .option("--damsm <folder>", "a run folder whose DAMSM all runs are trained with, instead of training one")
    .option(
      "--evaluation-damsm <folder>",
      "a run folder with a DAMSM of another seed that measures R-precision, instead of training one",
    )
    .option(
      "--attribute-classifier <folder>",
      "a run folder whose attribute classifier evaluates the runs, instead of training one on the data",
    )
    .option(
      "--inception <file>",
      "FID's Inception weights; distances between image distributions then use its features",
    )
    .option("--images <count>", "images per evaluation of a run", wholeNumber(1), 1000)
    .addHelpText("after", help)
    .action(show);
}

const help = `
Variants, each with the same number of images per step:
${variants.map(({ name, title }) => `  ${name.padEnd(26)}${title}`).join("\n")}

The DAMSMs and the attribute classifier are trained once, in shared/ and evaluation-damsm/ of the folder; runs are in
runs/VARIANT/seed-N. The table is in ablation.md and ablation.json. It is rewritten after every run and contains all
runs of the folder that were evaluated in the same way. Below it are differences of variants, paired by seed, with 95 %
intervals: full minus contrastive-none, baseline and its SCBN alone, contrastive-none minus that SCBN, and each
--contrast. report.html shows the results as a page.
Completed work is not repeated, and interrupted trainings are resumed.
If damsm.encoder is inception, train two DAMSMs first, and pass --damsm and --evaluation-damsm.
Ctrl-C saves all running trainings and exits with code 130; a second Ctrl-C exits immediately. A closed terminal saves
them too.

Example:
  npx sdgan ablate --config birds-64 --data data/birds --out runs/ablation --steps 2000 --seeds 0,1,2`;

interface Options {
  config: string;
  data: string;
  out: string;
  set?: string[];
  variants?: string[];
  seeds: number[];
  contrast?: ContrastNames[] | undefined;
  steps?: number;
  jobs: number;
  threads?: number;
  damsm?: string;
  evaluationDamsm?: string;
  attributeClassifier?: string;
  inception?: string;
  images: number;
}

async function show({ contrast: contrasts, ...options }: Options): Promise<void> {
  const cores = availableParallelism(); // Read before libtorch binds this thread to one of them.
  const [{ ablate }, { writeAblationReport }] = await withTorch(() =>
    Promise.all([import("../ablation/ablate.js"), import("../report/ablation-report.js")]),
  );
  let progress: Progress | undefined;
  const say = (line: string) => (progress ? progress.log(line) : console.error(line));
  using interruption = new Interruption(say, STOPPING);
  try {
    const result = await ablate({
      ...{ ...options, contrasts },
      variants: options.variants ?? variants.map(({ name }) => name),
      threads: options.threads ?? Math.max(1, Math.floor(cores / options.jobs)),
      ...{ signal: interruption.signal, say },
      report: (result) => writeAblationReport(options.out, result),
      onBegin(part, start, total) {
        progress?.[Symbol.dispose]();
        // Runs differ in speed and each ends with an evaluation, so the time left is estimated from all steps so far.
        progress = new Progress({ ...{ label: part, start, total }, window: Number.POSITIVE_INFINITY });
      },
      onProgress: (steps, fields) => progress?.update(steps, fields),
    });
    progress?.[Symbol.dispose]();
    const { out } = options;
    console.log(
      result
        ? `${out}: complete. Report: ${out}/report.html`
        : `To continue: ${commandOf({ ...options, contrast: contrasts })}`,
    );
  } catch (error) {
    progress?.abandon();
    throw error;
  }
  if (interruption.exitCode !== undefined) process.exitCode = interruption.exitCode;
}

const STOPPING =
  "Finishing the current steps and saving; press Ctrl-C again to exit immediately with the last checkpoints";

/** The command line that continues this ablation. */
export function commandOf({ set = [], contrast = [], variants, seeds, ...options }: Options): string {
  const lists = { variants: variants?.join(), seeds: seeds.join() };
  const given = Object.entries({ ...options, ...lists }).filter(([, value]) => value !== undefined);
  const words = given.flatMap(([name, value]) => [flagOf(name), String(value)]);
  const contrasts = contrast.flatMap(({ one, other }) => ["--contrast", `${one},${other}`]);
  return commandLine("ablate", ...words, ...contrasts, ...set.flatMap((one) => ["--set", one]));
}

function namesOf(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

function collectContrasts(text: string, before: ContrastNames[] = []): ContrastNames[] {
  const [one, other, ...more] = namesOf(text);
  if (one && other && more.length === 0) return [...before, { one, other }];
  throw new InvalidArgumentError("Expected two variants with a comma between them, such as full,siamese.");
}

function seedsOf(text: string): number[] {
  const seeds = text.split(",").map((seed) => (/^\s*\d+\s*$/.test(seed) ? Number(seed) : Number.NaN));
  if (seeds.every(Number.isSafeInteger)) return [...new Set(seeds)];
  throw new InvalidArgumentError("Expected comma-separated whole numbers, such as 0,1,2.");
}
