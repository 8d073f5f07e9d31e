import { visible } from "@sdgan/core/basics";
import type { Command } from "commander";
import type { Device } from "../compute/device.js";
import { UsageError } from "./errors.js";
import { checkpointOption, collect, deviceOption, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { withTorch } from "./with-torch.js";

/** `sdgan generate` */
export function addGenerate(program: Command): void {
  const command = program.command("generate").description("draw images of captions with a trained model");
  requiredOption(command, "--run <folder>", "the run folder in which a GAN was trained");
  requiredOption(command, "--out <folder>", "where the images go; only files of the same names are replaced");
  command
    .option("--caption <text>", "what to draw; may be repeated", collect)
    .option("--captions <file>", "a text file with a caption on each line")
    .option("--count <number>", "images of each caption", wholeNumber(1, 10_000), 1)
    .option("--seed <number>", "other images for another seed", wholeNumber(0), 0)
    .option("--batch <number>", "images drawn at once: faster for thousands", wholeNumber(1, 1024), 1)
    .option("--stages", "write the smaller images of the earlier stages too")
    .addOption(checkpointOption(command))
    .addOption(deviceOption(command))
    .option("--threads <count>", "threads to compute with, by default one a core", wholeNumber(1, 1024))
    .addHelpText(
      "after",
      `
A caption, a seed and an image's number give the same image, alone or among others; with --batch, but for a shade.
Each PNG says its caption, seed, number and checkpoint in its text chunks; grid.png shows them together.

Example:
  npx sdgan generate --run runs/birds --caption "a small red bird with black wings" --count 4 --out images`,
    )
    .action(show);
}

interface Options {
  run: string;
  out: string;
  caption?: string[];
  captions?: string;
  count: number;
  seed: number;
  batch: number;
  stages?: boolean;
  checkpoint?: number | "best";
  device?: Device;
  threads?: number;
}

async function show({
  run,
  out,
  caption = [],
  captions,
  checkpoint,
  device,
  threads,
  ...options
}: Options): Promise<void> {
  if (caption.length === 0 && captions === undefined)
    throw new UsageError('generate: give --caption "…" or --captions FILE');
  const [{ ImageGenerator }, { readCaptions, unknownWords }, { saveImages }, { stepOf }] = await withTorch(
    () =>
      Promise.all([
        import("../generation/image-generator.js"),
        import("../generation/prompts.js"),
        import("../generation/save.js"),
        import("../evaluation/best-checkpoint.js"),
      ]),
    threads,
  );
  const asked = [...caption.map((text) => ({ caption: text })), ...(captions ? readCaptions(captions) : [])];
  const imageGenerator = new ImageGenerator(run, { device, checkpoint: stepOf(run, checkpoint) });
  warn(unknownWords(imageGenerator, asked).map(({ words }) => words));
  const total = asked.length * options.count;
  const progress = new Progress({ label: "generate", total, unit: "images" });
  const paths = await progress.during(
    saveImages(
      imageGenerator,
      asked.map((one) => one.caption),
      { ...options, out, onImage: (done) => progress.update(done) },
    ),
  );
  console.log(`${total === 1 ? paths[0] : `${out}: ${paths.length - 1} images`}`);
  console.log(`Together: ${paths.at(-1)}`);
}

function warn(unknown: string[][]): void {
  if (unknown.length === 0) return;
  const words = [...new Set(unknown.flat())];
  const listed = words.slice(0, 8).join(", ") + (words.length > 8 ? ` and ${words.length - 8} more` : "");
  console.error(visible(`The model does not know these words, and leaves them out: ${listed}`));
}
