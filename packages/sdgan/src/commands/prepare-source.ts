/** What the commands `sdgan prepare SOURCE` have in common: options, progress, summary. */

import { existsSync } from "node:fs";
import { type TokenizerName, tokenizerNames, visible } from "@sdgan/core/basics";
import { type Command, Option } from "commander";
import type { Source } from "../data/dataset.js";
import type { PrepareSummary, Resumed } from "../data/prepare.js";
import { validationShare } from "../data/validation.js";
import { Interruption } from "./interruption.js";
import { imageSize, requiredOption, share } from "./options.js";
import { nextLines, summaryLines } from "./prepare-summary.js";
import { Progress } from "./progress.js";
import type { ImageKind } from "./suggest-training.js";

/** The command of a source, with the options that all sources have. */
export function sourceCommand(prepare: Command, name: string, size: number): Command {
  return requiredOption(
    prepare.command(name),
    "--out <folder>",
    "the prepared folder to create or to replace",
  )
    .option(
      "--size <pixels>",
      "pixels per side of the images that a model will generate: 16, 32, 64, 128, 256 or 512",
      imageSize,
      size,
    )
    .addOption(
      new Option(
        "--tokenizer <name>",
        "how captions are split into words: unicode, for any language; attngan, ASCII as in AttnGAN " +
          "(default: attngan for cub, coco and flowers, otherwise unicode)",
      ).choices(tokenizerNames),
    )
    .option(
      "--val <share>",
      "share of the training data to use for validation, if the data has no validation split: chosen by class if the " +
        "test split has classes of its own, otherwise by the hash of the name; 0 for none, as in the papers",
      share,
      validationShare,
    )
    .option(
      "--dedupe",
      "of images that are identical after preparation, keep only the first in the order test, val, train",
    );
}

/** `--vocabulary` of the sources that may have one. */
export const VOCABULARY = [
  "--vocabulary <file>",
  'a captions.pickle or vocabulary.json with words and their tokens; or "captions", for the words of the captions ' +
    "(default: the data's captions.pickle if there is one, otherwise the words of the captions)",
] as const;

/** The weights that DAMSM takes, under the name of torchvision's file. */
const INCEPTION = "inception_v3_google-0cc3c7bd.pth";

/** Values of the options of `sourceCommand`, and of those of some sources. */
export interface ShowOptions {
  out: string;
  size: number;
  val: number;
  background?: string;
  dedupe?: boolean;
  vocabulary?: string;
  tokenizer?: TokenizerName;
  /** What the images show, if the source's name does not say it. */
  kind?: ImageKind;
}

/** Prepares a source and prints the summary and the next command. */
export async function show(given: Source, options: ShowOptions): Promise<void> {
  const { vocabulary, tokenizer } = options;
  const [{ withTokenizer, withVocabulary }, { kindOf, suggestTraining }, { tokenizerOf }] = await Promise.all(
    [import("../data/with-vocabulary.js"), import("./suggest-training.js"), import("../data/dataset.js")],
  );
  const chosen = vocabulary === undefined ? given : withVocabulary(given, vocabulary);
  const source = tokenizer === undefined ? chosen : withTokenizer(chosen, tokenizer);
  const summary = await prepareVisibly(source, options);
  if (!summary) return;
  if (source.found !== undefined) console.log(visible(source.found));
  if (source.vocabulary) console.log(visible(`Vocabulary: ${vocabulary ?? "captions.pickle"}`));
  const prepared = {
    ...{ source: source.name, size: options.size, tokenizer: tokenizerOf(source) },
    givenVocabulary: source.vocabulary !== undefined,
  };
  const suggestion = suggestTraining(source.name, options.size, {
    inception: existsSync(INCEPTION) ? INCEPTION : undefined,
    kind: options.kind ?? kindOf(source),
  });
  const lines = [...summaryLines(summary, prepared, suggestion), ...nextLines(summary, prepared, suggestion)];
  for (const line of lines) console.log(visible(line));
}

/** Prepares with a progress line. Ctrl-C ends the work in order; undefined is returned then. */
async function prepareVisibly(
  source: Source,
  { out, size, val, background, dedupe = false }: ShowOptions,
): Promise<PrepareSummary | undefined> {
  const { Interrupted, prepare } = await import("../data/prepare.js");
  const total = source.count;
  let progress = new Progress({
    ...{ label: `prepare ${source.name}`, unit: "images", ...(total !== undefined && { total }) },
  });
  const say = (line: string) => progress.log(visible(line));
  using interruption = new Interruption(
    say,
    "Stopping; press Ctrl-C again to exit immediately, which loses no work either",
  );
  const work = prepare(source, {
    ...{ out, size, val, dedupe, ...(background !== undefined && { background }) },
    signal: interruption.signal,
    onResume(resumed) {
      progress.continueFrom(resumed.images);
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
  if (because === "options") return "Starting over: the unfinished work was started with other options";
  const from = images === 0 ? "Starting over" : `Continuing after ${images} images`;
  return because === "source" ? `${from}: the source or the validation split has changed` : from;
}
