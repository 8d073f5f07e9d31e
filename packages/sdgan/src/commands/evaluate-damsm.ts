import { type Command, Option } from "commander";
import type { Device } from "../compute/device.js";
import type { Split } from "../data/dataset.js";
import type { Matching, Share } from "../evaluation/matching.js";
import { deviceOption, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { withTorch } from "./with-torch.js";

/** `sdgan evaluate damsm` */
export function addEvaluateDamsm(evaluate: Command): void {
  const command = evaluate
    .command("damsm")
    .description(
      "measure how well a trained DAMSM matches images with captions, before a GAN is trained with it",
    );
  requiredOption(command, "--run <folder>", "the run folder with the DAMSM");
  requiredOption(command, "--data <folder>", "a prepared folder");
  command
    .addOption(
      new Option("--split <name>", "the split whose images are used")
        .choices(["train", "val", "test"])
        .default("val"),
    )
    .option("--images <count>", "number of images", wholeNumber(2), 500)
    .option("--seed <number>", "seed that selects images and captions", wholeNumber(0), 0)
    .option("--json", "print the result as JSON")
    .addOption(deviceOption(command))
    .option("--threads <count>", "threads to compute with; by default one per core", wholeNumber(1, 1024))
    .addHelpText(
      "after",
      `
Prints R@1: how often the own caption fits an image best among those of a hundred images or more, and the reverse. For the
built-in birds it also prints, by attribute, how often the true one of the sentences that differ in this attribute alone fits
best: what DAMSM does not distinguish, a GAN does not learn from it (docs/evaluation.md).

Example:
  npx sdgan evaluate damsm --run runs/birds --data data/birds`,
    )
    .action(show);
}

interface Options {
  run: string;
  data: string;
  split: Split;
  images: number;
  seed: number;
  json?: boolean;
  device?: Device;
  threads?: number;
}

async function show({ json, threads, ...options }: Options): Promise<void> {
  const { measureMatching } = await withTorch(() => import("../evaluation/matching.js"), threads);
  let progress: Progress | undefined;
  const onImages = ({ done, total }: { done: number; total: number }) => {
    progress ??= new Progress({ label: "evaluate damsm", unit: "images", total });
    progress.update(done);
  };
  const result = measureMatching({ ...options, onImages });
  progress?.[Symbol.dispose]();
  console.log(json ? JSON.stringify(result, null, 2) : matchingLines(result).join("\n"));
}

function matchingLines({ run, split, images, recall, attributes = {} }: Matching): string[] {
  return [
    `DAMSM of ${run}, ${images} images of the split ${split}`,
    ...line("R@1, image to caption", recall.imageToText),
    ...line("R@1, caption to image", recall.textToImage),
    ...Object.entries(attributes).flatMap(([name, share]) => line(name, share)),
  ];
}

function line(name: string, { share, chance }: Share): string[] {
  return [`  ${name.padEnd(22)} ${share.toFixed(3)}   chance ${chance.toFixed(3)}`];
}
