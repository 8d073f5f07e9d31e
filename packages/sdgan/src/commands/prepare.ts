import { visible } from "@sdgan/core/basics";
import { type Command, Option } from "commander";
import { wholeNumber } from "./options.js";
import { addEmoji } from "./prepare-emoji.js";
import { show, sourceCommand, VOCABULARY } from "./prepare-source.js";
import { Progress } from "./progress.js";

/** `sdgan prepare birds|emoji|cub|coco|flowers|folder`, `sdgan prepare verify` */
export function addPrepare(program: Command): void {
  const prepare = program
    .command("prepare")
    .description("convert images with captions into a prepared folder for training")
    .addHelpText("after", "\nExample:\n  npx sdgan prepare folder my-images --out data/mine");

  sourceCommand(prepare, "birds", 64)
    .description(
      "the built-in data set: drawn birds of invented species, a quarter of them in the test split",
    )
    .option("--seed <number>", "seed of the data set: another seed gives other birds", wholeNumber(0), 0)
    .option("--species <count>", "number of species", wholeNumber(1), 200)
    .option("--images <count>", "images per species", wholeNumber(1), 40)
    .addOption(
      new Option(
        "--captions <kind>",
        "varied: each caption names attributes of its own choice; paraphrases: all captions of an image name the same " +
          "attributes, in other words, orders and sentences, some of which are only in the test split",
      )
        .choices(["varied", "paraphrases"])
        .default("varied"),
    )
    .addOption(
      new Option(
        "--traits <kind>",
        "attributes of a species: independent of each other; or correlated, so that some can be inferred from others",
      )
        .choices(["independent", "correlated"])
        .default("independent"),
    )
    .addHelpText(
      "after",
      `
Examples:
  npx sdgan prepare birds --out data/birds
  npx sdgan prepare birds --captions paraphrases --traits correlated --out data/paraphrases`,
    )
    .action(async ({ seed, species, images, captions, traits, ...options }) => {
      const { birds } = await import("../data/birds/index.js");
      await show(
        birds({ seed, species, imagesPerSpecies: images, captions, traits, size: options.size }),
        options,
      );
    });

  addEmoji(prepare);

  sourceCommand(prepare, "cub", 256)
    .description("CUB-200-2011 with Reed et al.'s captions, as published or in AttnGAN's layout")
    .argument("<path>", "the folder that contains images.txt, or the one that contains CUB_200_2011")
    .option("--text <folder>", "the folder of the captions, if they are neither in <path> nor next to it")
    .option(...VOCABULARY)
    .addHelpText(
      "after",
      `
As published, with Reed et al.'s split by class (150 classes for training, by default 8 of
them for validation; 50 for testing):
  CUB_200_2011/images.txt  classes.txt  image_class_labels.txt  bounding_boxes.txt
  CUB_200_2011/images/001.Black_footed_Albatross/*.jpg
  text_c10/001.Black_footed_Albatross/*.txt     in CUB_200_2011 or next to it; may also be named "text"

AttnGAN's layout, with its split and the vocabulary of captions.pickle, so that its text encoders can be used:
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
    .argument("<path>", "the folder that contains annotations/ and the image folders")
    .addOption(
      new Option("--year <year>", "year of the annotations, if both years are present").choices([
        "2014",
        "2017",
      ]),
    )
    .option("--text <folder>", "the folder of the captions in AttnGAN's layout, if they are not in <path>")
    .option(...VOCABULARY)
    .addHelpText(
      "after",
      `
As published: COCO's train is used for training, with a share of it (--val) for validation; COCO's val is the test split,
as in the papers:
  coco/annotations/captions_train2014.json  captions_val2014.json     or 2017
  coco/train2014/*.jpg  coco/val2014/*.jpg                            or in coco/images/

AttnGAN's layout, with its split and the vocabulary of captions.pickle, so that its text encoders can be used:
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
    .argument("<path>", "the folder that contains jpg/")
    .option("--text <folder>", "the folder of the captions, if they are neither in <path> nor next to it")
    .option(...VOCABULARY)
    .addHelpText(
      "after",
      `
Expected files:
  flowers/jpg/image_00001.jpg …
  flowers/text_c10/class_00001/image_06734.txt …     in flowers or next to it
  flowers/trainvalclasses.txt  testclasses.txt       Reed et al.'s split; without them every fifth class is in the test split

Example:
  npx sdgan prepare flowers flowers --out data/flowers`,
    )
    .action(async (path, { text, ...options }) => {
      const { flowers } = await import("../data/flowers.js");
      await show(flowers(path, { text }), options);
    });

  sourceCommand(prepare, "folder", 64)
    .description("your own images with captions, in one of five layouts")
    .argument("<path>", "the folder, or a tar file")
    .option("--background <colour>", "background of transparent images: a CSS colour", "white")
    .option(...VOCABULARY)
    .addHelpText(
      "after",
      `
The first of these layouts that is found is used:
  captions.jsonl     one image per line ("split" and "class" are optional;
                     "split" is train, val or test):
                     {"image": "images/1.png", "captions": ["a red bird"], "split": "train", "class": "robin"}
  metadata.jsonl     or metadata.csv, as in Hugging Face's image folders; in <path> or in train/, val/, test/:
                     {"file_name": "1.png", "text": "a red bird"}
  *.tar              WebDataset shards: 1.jpg with 1.txt or 1.json
  *.txt              captions next to each image: 1.png with 1.txt, one caption per line
  captions.csv       or captions.tsv, captions.txt, metadata.tsv, with columns such as file_name and text; or
                     captions.json, {"1.png": ["a red bird"]} or rows as in metadata.jsonl; or Flickr8k.token.txt
                     with Flickr_8k.trainImages.txt and so on; images beside the list or in a folder such as Images/

Names of columns: file_name, image, filename or path; text, caption or captions; split; label or class.
Every file, row and column that is not used is counted in the summary and in skipped.jsonl, with the reason.

Examples:
  npx sdgan prepare folder my-images --out data/mine
  npx sdgan prepare folder shards/train-000.tar --size 128 --out data/mine`,
    )
    .action(async (path, options) => {
      const { checkBackground } = await import("../data/background.js");
      await checkBackground(options.background);
      const { folder } = await import("../data/folder/index.js");
      await show(folder(path), options);
    });

  addVerify(prepare);
}

/** `sdgan prepare verify` */
function addVerify(prepare: Command): void {
  prepare
    .command("verify")
    .description("read every image of a prepared folder and compare it with its checksum")
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
      console.log(visible(`${folder}: all ${images} images match their checksums`));
    });
}
