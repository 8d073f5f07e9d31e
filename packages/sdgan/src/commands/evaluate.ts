import { nearest } from "@sdgan/core/basics";
import { type Command, InvalidArgumentError } from "commander";
import type { Device } from "../compute/device.js";
import { type MetricName, metricNames } from "../evaluation/result.js";
import { evaluationLines } from "./evaluation-table.js";
import { checkpointOption, deviceOption, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { withTorch } from "./with-torch.js";

/** `sdgan evaluate` */
export function addEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("measure a trained model on captions and images that it never saw");
  requiredOption(command, "--run <folder>", "the run folder in which the GAN was trained");
  requiredOption(
    command,
    "--data <folder>",
    "a prepared folder; its split test is used, which no training has seen",
  );
  command
    .option(
      "--metrics <names>",
      `some of ${metricNames.join(", ")}; by default all that can be computed`,
      metricsOf,
    )
    .option("--inception <file>", "the weights that FID is defined by; images are compared by its features")
    .option("--damsm <folder>", "another run folder, whose DAMSM of another seed is R-precision's judge")
    .option("--attribute-classifier <folder>", "another run folder, whose attribute classifier is used")
    .addOption(checkpointOption(command))
    .option("--images <count>", "captions to draw an image of", wholeNumber(1), 1000)
    .option("--seed <number>", "other captions and images for another seed", wholeNumber(0), 0)
    .option("--json", "print the result as JSON, and nothing else")
    .addOption(deviceOption(command))
    .option("--threads <count>", "threads to compute with, by default one a core", wholeNumber(1, 1024))
    .addHelpText(
      "after",
      `
Writes evaluation.json and evaluation.png, a sheet of drawn images beside the real ones, into the run folder, and the
first also into evaluations/; and report.html, a page to look at. Figures that are there already of the same model,
data and images stay. docs/evaluation.md says what each figure means.

Example:
  npx sdgan evaluate --run runs/birds --data data/birds --damsm runs/other-seed`,
    )
    .action(show);
}

interface Options {
  run: string;
  data: string;
  metrics?: MetricName[];
  inception?: string;
  damsm?: string;
  attributeClassifier?: string;
  checkpoint?: number | "best";
  images: number;
  seed: number;
  json?: boolean;
  device?: Device;
  threads?: number;
}

async function show({ json, threads, ...options }: Options): Promise<void> {
  const [{ evaluate }, { reportRun }] = await withTorch(
    () => Promise.all([import("../evaluation/evaluate.js"), import("../report/index.js")]),
    threads,
  );
  const progress = new Progress({ label: "evaluate", total: options.images, unit: "captions" });
  const result = await progress.during(evaluate({ ...options, onImage: (done) => progress.update(done) }));
  const { run, data, attributeClassifier, checkpoint, seed, device } = options;
  await reportRun({ run, data, attributeClassifier, checkpoint, seed, device });
  console.log(json ? JSON.stringify(result, null, 2) : evaluationLines(result).join("\n"));
}

function metricsOf(text: string): MetricName[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    if ((metricNames as readonly string[]).includes(name)) continue;
    const guess = nearest(name, metricNames);
    throw new InvalidArgumentError(
      `There is no metric ${name}.${guess ? ` Did you mean ${guess}?` : ""} Metrics are ${metricNames.join(", ")}.`,
    );
  }
  return metricNames.filter((name) => names.includes(name));
}
