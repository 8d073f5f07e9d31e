import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { variants } from "../ablation/variants.js";
import { commandLine } from "./command-line.js";
import { Interruption } from "./interruption.js";
import { collect, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { withTorch } from "./with-torch.js";

/** `sdgan ablate` */
export function addAblate(program: Command): void {
  const command = program
    .command("ablate")
    .description(
      "train variants of the method with several seeds, measure them, and compare them in a table",
    );
  requiredOption(
    command,
    "--config <name|file>",
    "what all variants have in common: a preset or a YAML file",
  );
  requiredOption(command, "--data <folder>", "a prepared folder, from sdgan prepare");
  requiredOption(command, "--out <folder>", "where all of it goes; the same again to go on");
  command
    .option("--set <key=value>", "change a value of the configuration; may be repeated", collect)
    .option("--variants <names>", "some of those below, with commas between them; by default all", namesOf)
    .addOption(
      new Option("--seeds <numbers>", "with commas between them")
        .argParser(seedsOf)
        .default([0, 1, 2], "0,1,2"),
    )
    .option("--steps <count>", "steps of every run, by default the configuration's", wholeNumber(1))
    .option("--jobs <count>", "runs at a time", wholeNumber(1, 64), 1)
    .option("--threads <count>", "threads of each, by default the cores shared out", wholeNumber(1, 1024))
    .option("--damsm <folder>", "a run folder whose DAMSM all runs train with, rather than one trained here")
    .option(
      "--evaluation-damsm <folder>",
      "a run folder with a DAMSM of another seed, which computes R-precision; by default one is trained here",
    )
    .option(
      "--attribute-classifier <folder>",
      "a run folder whose attribute classifier judges, rather than one trained here on the data",
    )
    .option("--inception <file>", "the weights that FID is defined by: distances are then by its features")
    .option("--images <count>", "images that a run is measured by", wholeNumber(1), 1000)
    .addHelpText("after", help)
    .action(show);
}

const help = `
Variants, each with as many images a step:
${variants.map(({ name, title }) => `  ${name.padEnd(26)}${title}`).join("\n")}

The DAMSMs and the attributeClassifier are trained once, in the folder's shared/ and evaluation-damsm/; runs are in runs/VARIANT/seed-N. The
table is in ablation.md and ablation.json, made anew after every run, of all runs of the folder that were measured alike;
report.html is the page to look at. What is complete is not done again, and what was interrupted goes on.
Where damsm.encoder is inception, train two DAMSMs first, and give --damsm and --evaluation-damsm.
Ctrl-C saves all that is running and exits with 130; a second one ends at once.

Example:
  npx sdgan ablate --config birds-64 --data data/birds --out runs/ablation --steps 2000 --seeds 0,1,2`;

interface Options {
  config: string;
  data: string;
  out: string;
  set?: string[];
  variants?: string[];
  seeds: number[];
  steps?: number;
  jobs: number;
  threads?: number;
  damsm?: string;
  evaluationDamsm?: string;
  attributeClassifier?: string;
  inception?: string;
  images: number;
}

async function show(options: Options): Promise<void> {
  const cores = availableParallelism(); // Before libtorch keeps this thread on one of them.
  const [{ ablate }, { writeAblationReport }] = await withTorch(() =>
    Promise.all([import("../ablation/ablate.js"), import("../report/ablation-report.js")]),
  );
  let progress: Progress | undefined;
  const say = (line: string) => (progress ? progress.log(line) : console.error(line));
  using interruption = new Interruption(say, STOPPING);
  try {
    const result = await ablate({
      ...options,
      variants: options.variants ?? variants.map(({ name }) => name),
      threads: options.threads ?? Math.max(1, Math.floor(cores / options.jobs)),
      ...{ signal: interruption.signal, say },
      report: (result) => writeAblationReport(options.out, result),
      onBegin(part, start, total) {
        progress?.[Symbol.dispose]();
        // Runs differ in speed, and each is measured at its end: the time left is told by all of it so far.
        progress = new Progress({ ...{ label: part, start, total }, window: Number.POSITIVE_INFINITY });
      },
      onProgress: (steps, fields) => progress?.update(steps, fields),
    });
    progress?.[Symbol.dispose]();
    const { out } = options;
    console.log(
      result ? `${out}: complete. To look at: ${out}/report.html` : `To go on: ${commandOf(options)}`,
    );
  } catch (error) {
    progress?.abandon();
    throw error;
  }
  if (interruption.exitCode !== undefined) process.exitCode = interruption.exitCode;
}

const STOPPING =
  "Finishing the steps under way and saving; once more ends at once, with the last checkpoints";

/** The command with these options, for resuming. */
export function commandOf({ set = [], variants, seeds, ...options }: Options): string {
  const lists = { variants: variants?.join(), seeds: seeds.join() };
  const given = Object.entries({ ...options, ...lists }).filter(([, value]) => value !== undefined);
  const words = given.flatMap(([name, value]) => [`--${optionName(name)}`, String(value)]);
  return commandLine("ablate", ...words, ...set.flatMap((one) => ["--set", one]));
}

/** `evaluationDamsm` → `evaluation-damsm`. */
function optionName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function namesOf(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

function seedsOf(text: string): number[] {
  const seeds = text.split(",").map((seed) => (/^\s*\d+\s*$/.test(seed) ? Number(seed) : Number.NaN));
  if (seeds.every(Number.isSafeInteger)) return [...new Set(seeds)];
  throw new InvalidArgumentError("Expected whole numbers with commas between them, as 0,1,2.");
}
