import { visible } from "@sdgan/core/basics";
import type { Command } from "commander";
import type { Device } from "../compute/device.js";
import type { ImageSource } from "../generation/image-source.js";
import { findBox, locateModel } from "../util/box.js";
import { firstImageCommand } from "./command-line.js";
import { UsageError } from "./errors.js";
import { checkpointOption, collect, deviceOption, requiredOption, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";
import { withTorch } from "./with-torch.js";

/** `sdgan generate` */
export function addGenerate(program: Command): void {
  const box = findBox();
  const command = program
    .command("generate")
    .description("generate images from captions with a trained model")
    .option(
      "--model <name>",
      `an exported model, which needs no set-up: ${box ? `one in the box (${box.models.join(", ")}), ` : ""}a folder or a URL`,
    )
    .option("--run <folder>", "the run folder in which a GAN was trained; needs libtorch (npx sdgan setup)");
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
    .option("--stages", "also write the smaller images of the earlier stages")
    .option("--threads <count>", "threads to compute with; by default one per core", wholeNumber(1, 1024))
    .option(
      "--batch <number>",
      "with --run: images to generate at once, by default 1; faster for thousands of images",
      wholeNumber(1, 1024),
    )
    .addOption(checkpointOption(command, "with --run: "))
    .addOption(deviceOption(command, "with --run: "))
    .addHelpText(
      "after",
      `
The same caption, seed and image number give the same image, whatever other captions are given; with --batch, up to
rounding. Each PNG stores its caption, seed, number and checkpoint or model in its text chunks; grid.png shows the first
images together. A folder for --model is made by sdgan export onnx.

Examples:
  ${firstImageCommand(box)}
  npx sdgan generate --run runs/birds --caption "a small red bird with black wings" --count 4 --out images`,
    )
    .action(show);
}

interface Options {
  model?: string;
  run?: string;
  out: string;
  caption?: string[];
  captions?: string;
  count: number;
  seed: number;
  stages?: boolean;
  threads?: number;
  batch?: number;
  checkpoint?: number | "best";
  device?: Device;
}

async function show({ caption = [], captions, ...options }: Options): Promise<void> {
  if (caption.length === 0 && captions === undefined)
    throw new UsageError('generate: give --caption "…" or --captions FILE');
  const source = await openSource(options);
  const [{ readCaptions, readPrompts }, { saveImages }, { ignoredLines }] = await Promise.all([
    import("../generation/prompts.js"),
    import("../generation/save.js"),
    import("@sdgan/core"),
  ]);
  const prompts = [
    ...caption.map((text) => ({ caption: text })),
    ...(captions ? readCaptions(captions) : []),
  ];
  const { maxWords, tokenizer } = source;
  for (const line of ignoredLines(readPrompts(source, prompts), { maxWords, tokenizer, most: 8 }))
    console.error(visible(line));
  const { out, count, seed, stages = false, batch = 1 } = options;
  const total = prompts.length * count;
  const progress = new Progress({ label: "generate", total, unit: "images" });
  let shown: string | undefined;
  let missingFont: string | undefined;
  const paths = await progress.during(
    saveImages(
      source,
      prompts.map(({ caption }) => caption),
      {
        ...{ out, count, seed, stages, batch },
        onImage: (done) => progress.update(done),
        onPartialGrid: (part) => {
          shown = part;
        },
        onMissingFont: (advice) => {
          missingFont = advice;
        },
      },
    ),
  );
  console.log(`${total === 1 ? paths.at(-2) : `${out}: ${paths.length - 1} images`}`);
  const part = shown === undefined ? "" : ` shows ${shown}; all images are in ${out}`;
  console.log(`Grid: ${paths.at(-1)}${part}`);
  if (missingFont !== undefined) console.error(visible(`${paths.at(-1)} ${missingFont}`));
}

/** The exported model or the run that the options name. */
async function openSource({ model, run, ...options }: Omit<Options, "out">): Promise<ImageSource> {
  if (model !== undefined && run !== undefined)
    throw new UsageError(
      "generate: --model names an exported model, and --run a run folder: give one of the two",
    );
  if (model !== undefined) return openModel(model, options);
  if (run !== undefined) return openRun(run, options);
  const { first } = findBox() ?? {};
  throw new UsageError(
    `generate: give --model ${first?.model ?? "FOLDER"}, which needs no set-up, or --run FOLDER of a run that you trained`,
  );
}

async function openModel(
  model: string,
  { threads, ...options }: Pick<Options, "threads" | "batch" | "checkpoint" | "device">,
): Promise<ImageSource> {
  for (const name of ["batch", "checkpoint", "device"] as const)
    if (options[name] !== undefined)
      throw new UsageError(`generate: --${name} is for --run: leave it out with --model`);
  const folder = locateModel(model);
  const { ExportedModel } = await import("../generation/exported-model.js");
  return ExportedModel.open(folder, { threads });
}

async function openRun(
  run: string,
  { threads, checkpoint, device }: Pick<Options, "threads" | "checkpoint" | "device">,
): Promise<ImageSource> {
  const [{ ImageGenerator }, { stepOf }] = await withTorch(
    () =>
      Promise.all([import("../generation/image-generator.js"), import("../evaluation/best-checkpoint.js")]),
    threads,
  );
  return new ImageGenerator(run, { device, checkpoint: stepOf(run, checkpoint) });
}
