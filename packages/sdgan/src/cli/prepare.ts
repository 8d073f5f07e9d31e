import type { Command } from "commander";
import type { Source } from "../data/dataset.js";
import type { PrepareSummary } from "../data/prepare.js";
import { visible } from "../visible.js";
import { commandLine } from "./command-line.js";
import { pictureSize, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";

/** `sdgan prepare birds|folder` */
export function addPrepare(program: Command): void {
  const prepare = program
    .command("prepare")
    .description("turn pictures with captions into a prepared folder, which training reads");

  requiredOption(prepare.command("birds"), "--out <folder>", "the prepared folder to make, or to replace")
    .description("the built-in data: drawn birds of invented species, a quarter of them to test on")
    .option("--size <pixels>", "side of the pictures that a model is to draw", pictureSize, 64)
    .option("--seed <number>", "other birds for another seed", wholeNumber(0), 0)
    .option("--species <count>", "species", wholeNumber(1), 200)
    .option("--pictures <count>", "pictures of each species", wholeNumber(1), 40)
    .addHelpText("after", "\nExample:\n  npx sdgan prepare birds --out data/birds")
    .action(async ({ out, size, seed, species, pictures }) => {
      const { birds } = await import("../data/birds/index.js");
      const source = birds({ seed, species, picturesPerSpecies: pictures, size });
      await show(source, { out, size }, species * pictures);
    });

  requiredOption(prepare.command("folder"), "--out <folder>", "the prepared folder to make, or to replace")
    .description("your own pictures: a folder with captions.jsonl, one picture a line")
    .argument("<path>", "the folder")
    .option("--size <pixels>", "side of the pictures that a model is to draw", pictureSize, 64)
    .option("--background <colour>", "what shines through see-through pictures, as CSS names it", "white")
    .addHelpText(
      "after",
      `
A line of captions.jsonl ("split" and "class" may be left out):
  {"image": "images/1.png", "captions": ["a red bird"], "split": "train", "class": "robin"}

Example:
  npx sdgan prepare folder my-pictures --out data/mine`,
    )
    .action(async (path, { out, size, background }) => {
      const { folder } = await import("../data/folder.js");
      const source = folder(path);
      await show(source, { out, size, background }, await count(source.examples()));
    });
}

async function show(
  source: Source,
  options: { out: string; size: number; background?: string },
  total: number,
) {
  const { prepare } = await import("../data/prepare.js");
  const progress = new Progress({ label: `prepare ${source.name}`, total, unit: "pictures" });
  const summary = await progress.during(
    prepare(source, {
      ...options,
      onProgress: ({ done, skipped }) => progress.update(done + skipped, skipped > 0 ? { skipped } : {}),
    }),
  );
  for (const line of summaryLines(summary, options.size)) console.log(visible(line));
  const preset = presetFor(source.name, options.size);
  const run = `runs/${source.name}`;
  console.log(
    `Next: ${commandLine("train", "damsm", "--config", preset, "--data", options.out, "--run", run)}`,
  );
}

function summaryLines(
  { out, pictures, captions, words, skipped, emptyCaptions }: PrepareSummary,
  size: number,
) {
  const shown = skipped.slice(0, 5).map(({ id, reason }) => `  ${id}: ${reason}`);
  return [
    `${out}: ${pictures.train} pictures of ${size}×${size} to train on and ${pictures.test} to test on, ` +
      `${captions} captions, ${words - 1} words`,
    ...(emptyCaptions > 0 ? [`${emptyCaptions} captions without a word in Latin letters were left out`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} pictures were left out:`, ...shown] : []),
    ...(skipped.length > shown.length ? [`  and ${skipped.length - shown.length} more`] : []),
  ];
}

function presetFor(source: string, size: number): string {
  if (size % 256 === 0) return "cub";
  if (source !== "birds") return "emoji-64";
  return size % 128 === 0 ? "birds-128" : "birds-64";
}

async function count(items: AsyncIterable<unknown>): Promise<number> {
  let n = 0;
  for await (const _ of items) n++;
  return n;
}
