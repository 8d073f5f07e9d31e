import type { Command } from "commander";
import { UsageError } from "./errors.js";
import { withTorch } from "./with-torch.js";

/** `sdgan report` */
export function addReport(program: Command): void {
  program
    .command("report")
    .description("write report.html, one page to look at, into the folder of a run or of an ablation")
    .option("--run <folder>", "the run folder in which a GAN was trained")
    .option("--data <folder>", "with --run: the prepared folder whose unseen captions it draws")
    .option(
      "--attribute-classifier <folder>",
      "with --run: another run folder, whose attribute classifier is asked",
    )
    .option("--ablation <folder>", "the folder of an ablation, from sdgan ablate")
    .addHelpText(
      "after",
      `
The page holds all that it shows and asks the network for nothing. sdgan evaluate and sdgan ablate write it too.

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
      throw new UsageError("report: --ablation knows its runs and its data: leave out the other options");
    const { reportAblation } = await withTorch(() => import("../report/index.js"));
    console.log(`To look at: ${await reportAblation(ablation)}`);
    return;
  }
  if (run === undefined || data === undefined)
    throw new UsageError("report: give --run and --data, or --ablation");
  const { reportRun } = await withTorch(() => import("../report/index.js"));
  console.log(
    `To look at: ${await reportRun({ run, data, ...(attributeClassifier !== undefined && { attributeClassifier }) })}`,
  );
}
