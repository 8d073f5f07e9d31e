import type { Command } from "commander";
import { UsageError } from "./errors.js";
import { withTorch } from "./with-torch.js";

/** `sdgan report` */
export function addReport(program: Command): void {
  program
    .command("report")
    .description("write report.html, a page that shows the results, into a run's or an ablation's folder")
    .option("--run <folder>", "the run folder in which a GAN was trained")
    .option(
      "--data <folder>",
      "with --run: the prepared folder whose held-out captions are shown with generated images",
    )
    .option(
      "--attribute-classifier <folder>",
      "with --run: another run folder, whose attribute classifier is used",
    )
    .option("--ablation <folder>", "the folder of an ablation, from sdgan ablate")
    .addHelpText(
      "after",
      `
The page is one self-contained file that loads nothing from the internet. sdgan evaluate and sdgan ablate write it too.

Example:
  npx sdgan report --run runs/birds --data data/birds`,
    )
    .action(show);
}

interface Options {
  run?: string;
  data?: string;
  attributeClassifier?: string;
  ablation?: string;
}

async function show({ run, data, attributeClassifier, ablation }: Options): Promise<void> {
  if (ablation !== undefined) {
    if (run !== undefined || data !== undefined || attributeClassifier !== undefined)
      throw new UsageError("report: with --ablation, runs and data are known: leave out the other options");
    const { reportAblation } = await withTorch(() => import("../report/index.js"));
    console.log(`Report: ${await reportAblation(ablation)}`);
    return;
  }
  if (run === undefined || data === undefined)
    throw new UsageError("report: give --run and --data, or --ablation");
  const { reportRun } = await withTorch(() => import("../report/index.js"));
  console.log(
    `Report: ${await reportRun({ run, data, ...(attributeClassifier !== undefined && { attributeClassifier }) })}`,
  );
}
