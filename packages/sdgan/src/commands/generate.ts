import { visible } from "@sdgan/core/basics";
import type { Command } from "commander";
import type { Device } from "../compute/device.js";
import { UsageError } from "./errors.js";
import { checkpointOption, collect, deviceOption, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { withTorch } from "./with-torch.js";

/** `sdgan generate` */
export function addGenerate(program: Command): void {
  const command = program
    .command("generate")
    .description("generate images from captions with a trained model");
  requiredOption(command, "--run <folder>", "the run folder in which a GAN was trained");
  requiredOption(
    command,
    "--out <folder>",
    "folder for the images; only files with the same names are replaced",
  );
  command
    .option("--caption <text>", "caption to generate images from; may be repeated", collect)
    .option("--captions <file>", "a text file with one caption per line")
    .option("--count <number>", "images per caption", wholeNumber(1, 10_000), 1)
    .option("--seed <number>", "seed of the noise: another seed gives other images", wholeNumber(0), 0)
    .option(
      "--batch <number>",
      "images to generate at once: faster for thousands of images",
      wholeNumber(1, 1024),
      1,
    )
    .option("--stages", "also write the smaller images of the earlier stages")
    .addOption(checkpointOption(command))
    .addOption(deviceOption(command))
    .option("--threads <count>", "threads to compute with; by default one per core", wholeNumber(1, 1024))
    .addHelpText(
      "after",
      `
The same caption, seed and image number give the same image, whatever other captions are given; with --batch, up to
rounding. Each PNG stores its caption, seed, number and checkpoint in its text chunks; grid.png shows the first images together.

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
  const [{ ImageGenerator }, { readCaptions, readPrompts }, { saveImages }, { stepOf }, { ignoredLines }] =
    await withTorch(
      () =>
        Promise.all([
          import("../generation/image-generator.js"),
          import("../generation/prompts.js"),
          import("../generation/save.js"),
          import("../evaluation/best-checkpoint.js"),
          import("@sdgan/core"),
        ]),
      threads,
    );
  const prompts = [
    ...caption.map((text) => ({ caption: text })),
    ...(captions ? readCaptions(captions) : []),
  ];
  const imageGenerator = new ImageGenerator(run, { device, checkpoint: stepOf(run, checkpoint) });
  const { maxWords, vocabulary } = imageGenerator;
  const ignored = ignoredLines(readPrompts(imageGenerator, prompts), {
    ...{ maxWords, tokenizer: vocabulary.tokenizer, most: 8 },
  });
  for (const line of ignored) console.error(visible(line));
  const total = prompts.length * options.count;
  const progress = new Progress({ label: "generate", total, unit: "images" });
  let shown: string | undefined;
  const paths = await progress.during(
    saveImages(
      imageGenerator,
      prompts.map(({ caption }) => caption),
      {
        ...options,
        out,
        onImage: (done) => progress.update(done),
        onPartialGrid: (part) => {
          shown = part;
        },
      },
    ),
  );
  console.log(`${total === 1 ? paths[0] : `${out}: ${paths.length - 1} images`}`);
  const part = shown === undefined ? "" : ` shows ${shown}; all images are in ${out}`;
  console.log(`Grid: ${paths.at(-1)}${part}`);
}
