import { type MetricName, metricNames, nearest, UserError, visible } from "@sdgan/core/basics";
import { type Command, InvalidArgumentError } from "commander";
import type { Device } from "../compute/device.js";
import { placementOf } from "../distributed/environment.js";
import { launchedProcesses } from "../distributed/launched.js";
import { ProcessLost } from "../distributed/process-lost.js";
import type { Evaluation } from "../evaluation/result.js";
import { UsageError } from "./errors.js";
import { addEvaluateDamsm } from "./evaluate-damsm.js";
import { evaluationLines } from "./evaluation-table.js";
import { checkpointOption, deviceOption, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { chooseGpu, launchAll, processesOption, together } from "./several-processes.js";
import { withTorch } from "./with-torch.js";

/** `sdgan evaluate` */
export function addEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("evaluate a trained model on captions and images that were not used for training");
  requiredOption(command, "--run <folder>", "the run folder in which the GAN was trained");
  requiredOption(
    command,
    "--data <folder>",
    "a prepared folder; its test split is used, which no training uses",
  );
  command
    .option(
      "--metrics <names>",
      `comma-separated: ${metricNames.join(", ")}; by default all that can be computed`,
      metricsOf,
    )
    .option("--inception <file>", "FID's Inception weights; images are then compared by its features")
    .option("--damsm <folder>", "another run folder, whose DAMSM of another seed measures R-precision")
    .option(
      "--train-damsm",
      "measure with a DAMSM of another seed, which is first trained in evaluation-damsm/ of the run folder, unless it is there",
    )
    .option("--attribute-classifier <folder>", "another run folder, whose attribute classifier is used")
    .addOption(checkpointOption(command))
    .option("--images <count>", "number of captions to generate an image for", wholeNumber(1), 1000)
    .option("--seed <number>", "seed that selects the captions and the noise", wholeNumber(0), 0)
    .option("--json", "print only the result, as JSON")
    .addOption(deviceOption(command))
    .option("--threads <count>", "threads to compute with; by default one per core", wholeNumber(1, 1024))
    .addOption(processesOption(command, "evaluate", "the images"))
    .addHelpText(
      "after",
      `
Writes evaluation.json, evaluation.png (a sheet of generated images next to the real ones) and report.html into the run
folder, and a copy of evaluation.json into evaluations/. Existing figures of the same model, data and images are kept.
docs/evaluation.md explains each figure.

A DAMSM in evaluation-damsm/ of the run folder is used if neither --damsm nor --train-damsm is given. Your own images have no other
feature network, unless you give --inception.

Examples:
  npx sdgan evaluate --run runs/birds --data data/birds --damsm runs/other-seed
  npx sdgan evaluate --run runs/mine --data data/mine --train-damsm`,
    )
    .action(show);
  addEvaluateDamsm(command.enablePositionalOptions());
}

interface Options {
  run: string;
  data: string;
  metrics?: MetricName[];
  inception?: string;
  damsm?: string;
  trainDamsm?: boolean;
  attributeClassifier?: string;
  checkpoint?: number | "best";
  images: number;
  seed: number;
  json?: boolean;
  device?: Device;
  threads?: number;
  processes?: number;
}

async function show({ json, threads, trainDamsm, processes: count = 1, ...options }: Options): Promise<void> {
  if (trainDamsm && options.damsm !== undefined)
    throw new UsageError(
      "evaluate: --train-damsm trains a DAMSM to measure with, and --damsm names one: give one of the two",
    );
  const placement = placementOf(process.env);
  if (trainDamsm && (placement || count > 1))
    throw new UsageError(
      "evaluate: --train-damsm trains in one process: give it without --processes first; later evaluations use that DAMSM " +
        "without an option",
    );
  if (count > 1) return launchAll({ processes: count, threads }, placement);
  if (placement) chooseGpu(placement);
  const isFirst = !placement || placement.rank === 0;
  const [{ evaluate, NotWritten }, { reportRun }, { trainedEvaluationDamsm, trainEvaluationDamsm }] =
    await withTorch(
      () =>
        Promise.all([
          import("../evaluation/evaluate.js"),
          import("../report/index.js"),
          import("./evaluation-damsm.js"),
        ]),
      threads,
    );
  const { run, data, attributeClassifier, checkpoint, seed, device } = options;
  const damsm =
    options.damsm ??
    trainedEvaluationDamsm(run) ??
    (trainDamsm ? await trainEvaluationDamsm(run, options) : undefined);
  if (trainDamsm && damsm === undefined) return;
  const print = (result: Evaluation) =>
    console.log(json ? JSON.stringify(result, null, 2) : evaluationLines(result).join("\n"));
  const progress = isFirst
    ? new Progress({ label: "evaluate", total: options.images, unit: "captions" })
    : undefined;
  const onImage = (done: number) => progress?.update(done);
  const onMissingFont = (advice: string) => progress?.log(visible(advice));
  if (launchedProcesses() !== undefined) {
    // The launcher has ended, and with it whoever waits for the result.
    process.once("disconnect", () => process.exit(143));
    process.channel?.unref(); // Listening would keep this process alive.
  }
  let result: Evaluation | undefined;
  const evaluated = together(placement, device, async (processes) => {
    result = await evaluate({ ...options, damsm, processes, onImage, onMissingFont });
  });
  try {
    await (progress?.during(evaluated) ?? evaluated);
  } catch (error) {
    if (error instanceof NotWritten) print(error.result);
    if (!(error instanceof ProcessLost)) throw error;
    // A process that ends after process 0 has its result changes nothing.
    if (!isFirst || !result) throw evaluationEnded(error);
  }
  if (!isFirst) return;
  print(result!);
  await reportRun({ run, data, attributeClassifier, checkpoint, seed, device });
}

function evaluationEnded(cause: ProcessLost): UserError {
  return new UserError(`${cause.loss}, so the evaluation stopped. Start all processes again`, {
    code: "process.lost",
    cause,
  });
}

function metricsOf(text: string): MetricName[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    if ((metricNames as readonly string[]).includes(name)) continue;
    const guess = nearest(name, metricNames);
    throw new InvalidArgumentError(
      `Unknown metric ${name}.${guess ? ` Did you mean ${guess}?` : ""} Metrics are ${metricNames.join(", ")}.`,
    );
  }
  return metricNames.filter((name) => names.includes(name));
}
