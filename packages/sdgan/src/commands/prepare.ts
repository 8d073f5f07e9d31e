import { join } from "node:path";
import { isPresetName, type TokenizerName, tokenizerNames, visible } from "@sdgan/core/basics";
import { type Command, Option } from "commander";
import type { Source } from "../data/dataset.js";
import type { PrepareSummary, Resumed } from "../data/prepare.js";
import { validationShare } from "../data/validation.js";
import { commandLine } from "./command-line.js";
import { Interruption } from "./interruption.js";
import { imageSize, requiredOption, share, wholeNumber } from "./options.js";
import { Progress } from "./progress.js";

/** `sdgan prepare birds|cub|coco|flowers|folder`, `sdgan prepare verify` */
export function addPrepare(program: Command): void {
  const prepare = program
    .command("prepare")
    .description("turn images with captions into a prepared folder, which training reads")
    .addHelpText("after", "\nExample:\n  npx sdgan prepare folder my-images --out data/mine");

  sourceCommand(prepare, "birds", 64)
    .description("the built-in data: drawn birds of invented species, a quarter of them to test on")
    .option("--seed <number>", "other birds for another seed", wholeNumber(0), 0)
    .option("--species <count>", "species", wholeNumber(1), 200)
    .option("--images <count>", "images of each species", wholeNumber(1), 40)
    .addHelpText("after", "\nExample:\n  npx sdgan prepare birds --out data/birds")
    .action(async ({ seed, species, images, ...options }) => {
      const { birds } = await import("../data/birds/index.js");
      await show(birds({ seed, species, imagesPerSpecies: images, size: options.size }), options);
    });

  sourceCommand(prepare, "cub", 256)
    .description("CUB-200-2011 with Reed et al.'s captions, as published or in AttnGAN's layout")
    .argument("<path>", "the folder with images.txt, or the one that CUB_200_2011 is in")
    .option("--text <folder>", "the captions, where they are neither in that folder nor beside it")
    .option(...VOCABULARY)
    .addHelpText(
      "after",
      `
As published, with the split by class of Reed et al. (150 classes, of which 8 to validate on; 50 to test on):
  CUB_200_2011/images.txt  classes.txt  image_class_labels.txt  bounding_boxes.txt
  CUB_200_2011/images/001.Black_footed_Albatross/*.jpg
  text_c10/001.Black_footed_Albatross/*.txt     in CUB_200_2011 or beside it; "text" will do

AttnGAN's layout, with its split and the words of captions.pickle, so that its text encoders fit:
  birds/CUB_200_2011/…  birds/text/…  birds/captions.pickle
  birds/train/filenames.pickle  birds/test/filenames.pickle

Examples:
  npx sdgan prepare cub CUB_200_2011 --out data/cub
  npx sdgan prepare cub birds --out data/cub
  npx sdgan prepare cub CUB_200_2011 --text text_c10 --vocabulary birds/captions.pickle --out data/cub`,
    )
    .action(async (path, { text, ...options }) => {
      const { cub } = await import("../data/cub.js");
      await show(cub(path, { text }), options);
    });

  sourceCommand(prepare, "coco", 256)
    .description("Microsoft COCO with its captions, as published or in AttnGAN's layout")
    .argument("<path>", "the folder that annotations/ and the images' folders are in")
    .addOption(
      new Option("--year <year>", "which lists, where both years' are there").choices(["2014", "2017"]),
    )
    .option("--text <folder>", "the captions of AttnGAN's layout, where they are not in that folder")
    .option(...VOCABULARY)
    .addHelpText(
      "after",
      `
As published: train is trained on, but for --val of it; COCO's val is what the papers test on, and so is tested on:
  coco/annotations/captions_train2014.json  captions_val2014.json     or 2017
  coco/train2014/*.jpg  coco/val2014/*.jpg                            or in coco/images/

AttnGAN's layout, with its split and the words of captions.pickle, so that its text encoders fit:
  coco/train/filenames.pickle  coco/test/filenames.pickle  coco/captions.pickle
  coco/text/*.txt  coco/images/*.jpg                                  or in train2014/ and val2014/

Examples:
  npx sdgan prepare coco coco --out data/coco
  npx sdgan prepare coco coco --year 2017 --out data/coco`,
    )
    .action(async (path, { year, text, ...options }) => {
      const { coco } = await import("../data/coco.js");
      await show(coco(path, { year: year && Number(year), text }), options);
    });

  sourceCommand(prepare, "flowers", 256)
    .description("Oxford-102 flowers with Reed et al.'s captions")
    .argument("<path>", "the folder that jpg/ is in")
    .option("--text <folder>", "the captions, where they are neither in that folder nor beside it")
    .option(...VOCABULARY)
    .addHelpText(
      "after",
      `
  flowers/jpg/image_00001.jpg …
  flowers/text_c10/class_00001/image_06734.txt …     in flowers or beside it
  flowers/trainvalclasses.txt  testclasses.txt       Reed et al.'s split; without them every fifth class is to test on

Example:
  npx sdgan prepare flowers flowers --out data/flowers`,
    )
    .action(async (path, { text, ...options }) => {
      const { flowers } = await import("../data/flowers.js");
      await show(flowers(path, { text }), options);
    });

  sourceCommand(prepare, "folder", 64)
    .description("your own images with captions, in any of four conventions")
    .argument("<path>", "the folder, or a tar file")
    .option("--background <colour>", "what shines through see-through images, as CSS names it", "white")
    .option(...VOCABULARY)
    .addHelpText(
      "after",
      `
The first of these that is there:
  captions.jsonl     one image a line ("split" and "class" may be left out;
                     "split" is train, val or test):
                     {"image": "images/1.png", "captions": ["a red bird"], "split": "train", "class": "robin"}
  metadata.jsonl     or metadata.csv, as Hugging Face's image folders have it, there or in train/, val/, test/:
                     {"file_name": "1.png", "text": "a red bird"}
  *.tar              WebDataset's shards: 1.jpg with 1.txt or 1.json
  *.txt              captions beside each image: 1.png with 1.txt, a line each

Examples:
  npx sdgan prepare folder my-images --out data/mine
  npx sdgan prepare folder shards/train-000.tar --size 128 --out data/mine`,
    )
    .action(async (path, options) => {
      const { folder } = await import("../data/folder/index.js");
      await show(folder(path), options);
    });

  addVerify(prepare);
}

/** `sdgan prepare verify` */
function addVerify(prepare: Command): void {
  prepare
    .command("verify")
    .description("read every image of a prepared folder, and compare it with its checksum")
    .argument("<folder>", "the prepared folder")
    .addHelpText("after", "\nExample:\n  npx sdgan prepare verify data/cub")
    .action(async (folder) => {
      const { verifyPrepared } = await import("../data/verify.js");
      let progress: Progress | undefined;
      const onProgress = ({ done, total }: { done: number; total: number }) => {
        progress ??= new Progress({ label: "verify", unit: "images", total });
        progress.update(done);
      };
      const images = await verifyPrepared(folder, { onProgress });
      progress?.[Symbol.dispose]();
      console.log(visible(`${folder}: all ${images} images are as they were written`));
    });
}

/** What every source's command has. */
function sourceCommand(prepare: Command, name: string, size: number): Command {
  return requiredOption(prepare.command(name), "--out <folder>", "the prepared folder to make, or to replace")
    .option("--size <pixels>", "side of the images that a model is to draw", imageSize, size)
    .addOption(
      new Option(
        "--tokenizer <name>",
        "what makes words of captions: unicode, of any language; attngan, ASCII as in AttnGAN " +
          "(default: attngan for cub, coco and flowers, else unicode)",
      ).choices(tokenizerNames),
    )
    .option(
      "--val <share>",
      "how much of what is to train on becomes the validation split, where the data has none of its own: by class " +
        "where classes are held out, else by the hash of the name; 0 for none, as the papers train",
      share,
      validationShare,
    );
}

const VOCABULARY = [
  "--vocabulary <file>",
  'words and their numbers, of a captions.pickle or vocabulary.json; or "captions", for their own ' +
    "(default: captions.pickle where the data has it, else their own)",
] as const;

interface ShowOptions {
  out: string;
  size: number;
  val: number;
  background?: string;
  vocabulary?: string;
  tokenizer?: TokenizerName;
}

async function show(given: Source, options: ShowOptions): Promise<void> {
  const { vocabulary, tokenizer } = options;
  const { withTokenizer, withVocabulary } = await import("../data/with-vocabulary.js");
  const chosen = vocabulary === undefined ? given : withVocabulary(given, vocabulary);
  const source = tokenizer === undefined ? chosen : withTokenizer(chosen, tokenizer);
  const summary = await prepareVisibly(source, options);
  if (!summary) return;
  if (source.found !== undefined) console.log(visible(source.found));
  if (source.vocabulary) console.log(visible(`words of ${vocabulary ?? "captions.pickle"}`));
  for (const line of summaryLines(summary, options.size)) console.log(visible(line));
  const preset = await presetFor(source.name, options.size);
  const run = `runs/${source.name}`;
  const encoder = await encoderFor(preset, source.name);
  console.log(
    `Next: ${commandLine("train", "damsm", "--config", preset, ...encoder, "--data", options.out, "--run", run)}`,
  );
}

/** Prepares with a line that shows how far it is. Ctrl-C ends it in good order; then there is no summary. */
async function prepareVisibly(
  source: Source,
  { out, size, val, background }: ShowOptions,
): Promise<PrepareSummary | undefined> {
  const { Interrupted, prepare } = await import("../data/prepare.js");
  const total = source.count;
  let progress = new Progress({
    ...{ label: `prepare ${source.name}`, unit: "images", ...(total !== undefined && { total }) },
  });
  const say = (line: string) => progress.log(visible(line));
  using interruption = new Interruption(say, "Ending; once more ends at once, and loses nothing either");
  const work = prepare(source, {
    ...{ out, size, val, ...(background !== undefined && { background }), signal: interruption.signal },
    onResume(resumed) {
      progress.goOnFrom(resumed.images);
      say(resumedLine(resumed));
    },
    onProgress: ({ done, skipped }) => progress.update(done + skipped, skipped > 0 ? { skipped } : {}),
    onVerify({ done, total }) {
      if (done === 1) {
        progress[Symbol.dispose]();
        progress = new Progress({ label: "verify", unit: "images", total });
      }
      progress.update(done);
    },
  });
  try {
    const summary = await work;
    progress[Symbol.dispose]();
    return summary;
  } catch (error) {
    progress.abandon();
    if (!(error instanceof Interrupted)) throw error;
    console.error(visible(error.message));
    process.exitCode = interruption.exitCode;
    return undefined;
  }
}

function resumedLine({ images, because }: Resumed): string {
  if (because === "options") return "Beginning anew: the unfinished work was begun with other options";
  const from = images === 0 ? "Beginning anew" : `Going on after ${images} images that are done`;
  return because === "source"
    ? `${from}: the source, or what is validated on, has changed from there on`
    : from;
}

function summaryLines(
  { out, images, captions, words, unknownWords, skipped, emptyCaptions }: PrepareSummary,
  size: number,
) {
  const shown = skipped.slice(0, 5).map(({ id, reason }) => `  ${id}: ${reason}`);
  return [
    `${out}: ${images.train} images of ${size}×${size} to train on, ${images.val} to validate on and ` +
      `${images.test} to test on, ${captions} captions, ${words - 1} words`,
    ...(unknownWords && unknownWords.count > 0 ? [unknownLine(unknownWords)] : []),
    ...(emptyCaptions > 0 ? [`${emptyCaptions} captions without a known word were left out`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} images were left out:`, ...shown] : []),
    ...(skipped.length > shown.length
      ? [`  and ${skipped.length - shown.length} more: ${join(out, "skipped.jsonl")}`]
      : []),
  ];
}

function unknownLine({ count, mostFrequent }: NonNullable<PrepareSummary["unknownWords"]>): string {
  const named = mostFrequent.slice(0, 8).join(", ");
  return `${count} words of captions are not in the vocabulary, and are left out: ${named}${count > 8 ? ", …" : ""}`;
}

/** What must be said of DAMSM's image encoder: Inception's weights are the user's, and are of no use for drawings. */
async function encoderFor(preset: string, source: string): Promise<string[]> {
  const { loadConfig } = await import("../config/load.js");
  if (loadConfig(preset).damsm.encoder !== "inception") return [];
  return source === "birds"
    ? ["--set", "damsm.encoder=convolutional"]
    : ["--inception", "inception_v3_google-0cc3c7bd.pth"];
}

function presetFor(source: string, size: number): string {
  if (size % 256 === 0) return isPresetName(source) ? source : "cub";
  if (source === "folder") return "emoji-64";
  return size % 128 === 0 ? "birds-128" : "birds-64";
}
