import type { Command } from "commander";
import type { Device } from "../device.js";
import { deviceOption, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { withTorch } from "./with-torch.js";

/** `sdgan evaluate` */
export function addEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("measure how much of what unseen captions name can be seen in the pictures drawn from them");
  requiredOption(command, "--run <folder>", "the run folder in which GAN and reader were trained");
  requiredOption(command, "--data <folder>", "a prepared folder whose pictures' attributes are known");
  command
    .option("--reader <folder>", "another run folder, whose reader is used")
    .option("--pictures <count>", "pictures to draw and read", wholeNumber(1), 1000)
    .option("--seed <number>", "other captions and pictures for another seed", wholeNumber(0), 0)
    .addOption(deviceOption(command))
    .addHelpText(
      "after",
      `
Writes evaluation.json and evaluation.png, a sheet of drawn pictures beside the real ones, into the run folder.

Example:
  npx sdgan evaluate --run runs/birds --data data/birds`,
    )
    .action(show);
}

interface Options {
  run: string;
  data: string;
  reader?: string;
  pictures: number;
  seed: number;
  device?: Device;
}

async function show(options: Options): Promise<void> {
  const { evaluate } = await withTorch(() => import("../evaluation/evaluate.js"));
  const progress = new Progress({ label: "evaluate", total: options.pictures, unit: "pictures" });
  const result = await progress.during(evaluate({ ...options, onPicture: (done) => progress.update(done) }));
  const { generated, real, pictures, step, sheet } = result;
  const attributes = Object.entries(generated.byAttribute).map(
    ([name, share]) => `${name} ${share.toFixed(2)}`,
  );
  console.log(
    `Named attributes that the reader sees, in ${pictures} pictures of unseen captions, at step ${step}:`,
  );
  console.log(
    `  drawn ${generated.accuracy.toFixed(3)}, real ${real.accuracy.toFixed(3)}, chance ${generated.chance.toFixed(3)}`,
  );
  console.log(`  by attribute: ${attributes.join(", ")}`);
  console.log(`To look at: ${sheet}`);
}
