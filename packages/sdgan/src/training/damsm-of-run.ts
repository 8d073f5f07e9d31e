/** The DAMSM that a GAN is trained with: it lies in the GAN's own run folder, so that this folder alone can resume. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, imageSizes, UserError } from "@sdgan/core";
import type { Prepared } from "../data/prepared.js";
import { loadVocabulary } from "../data/vocabulary-file.js";
import { writeFileAtomic } from "../run/atomic-file.js";
import { openRun, type RunFolder } from "../run/run-folder.js";
import { ensureFolder, onDisk } from "../system-errors.js";
import { refusing } from "./checkpoint.js";
import { type Damsm, damsmFile, loadDamsm } from "./damsm-task.js";

/** Where the DAMSM of the run folder `run` lies: a run folder itself. */
export function damsmFolder(run: string): string {
  return join(run, "damsm");
}

/**
 * The trained DAMSM of the run folder `run`, frozen.
 * @throws UserError if there is none, or it was trained for another configuration or on other words.
 */
export function openDamsm(run: string, config: Config, data: Prepared): Damsm {
  const weights = config.damsm.encoder === "inception" ? " --inception FILE" : "";
  const damsm = trainedDamsm(run, `sdgan train damsm --config … --data ${data.dir} --run ${run}${weights}`);
  requireSameNetworks(damsm, config);
  requireSize(config);
  if (!loadVocabulary(damsm.vocabulary).equals(data.vocabulary)) {
    throw new UserError(
      `${data.dir}: has other words, or another tokenizer, than the DAMSM in ${damsm.path} knows: ` +
        "give the data that DAMSM was trained on, or train another DAMSM in another run",
      { code: "data.mismatch" },
    );
  }
  const path = join(damsm.path, damsmFile);
  return refusing(path, "train DAMSM again, in another run", () =>
    loadDamsm(path, config, data.vocabulary.size),
  );
}

/**
 * Copies the trained DAMSM of the run folder `from` into `run`.
 * @throws UserError if there is none, or `run` has another.
 */
export function adoptDamsm(from: string, run: string): void {
  const source = trainedDamsm(from, `sdgan train damsm --config … --data … --run ${from}`);
  const target = damsmFolder(run);
  // The networks last: with them it counts as there.
  const names = ["vocabulary.json", "config.yaml", damsmFile];
  const files = names.map((name) => ({ from: join(source.path, name), to: join(target, name) }));
  for (const { from, to } of files) {
    if (existsSync(to) && !onDisk(to, () => readFileSync(to)).equals(readFileSync(from)))
      throw new UserError(`${to}: is there already, and differs from ${from}: take another --run`, {
        code: "file.exists",
      });
  }
  onDisk(target, () => ensureFolder(target));
  for (const { from, to } of files)
    writeFileAtomic(
      to,
      onDisk(from, () => readFileSync(from)),
    );
}

function trainedDamsm(run: string, command: string): RunFolder {
  const folder = damsmFolder(run);
  if (!existsSync(join(folder, damsmFile))) {
    throw new UserError(
      `${join(folder, damsmFile)}: there is no trained DAMSM; train it first: ${command}; ` +
        "or take another run's: --damsm RUN",
      { code: "file.missing" },
    );
  }
  return openRun(folder);
}

/** What decides the shapes of DAMSM's networks and what they look at must be as it was when they were trained. */
function requireSameNetworks({ path, config: trained }: RunFolder, config: Config): void {
  const shapes = ({ text, damsm }: Config) => ({
    "text.embedding": text.embedding,
    "text.width": text.width,
    "damsm.encoder": damsm.encoder,
    ...(damsm.encoder === "convolutional" && {
      "damsm.width": damsm.width,
      "damsm.imageSize": damsm.imageSize,
    }),
  });
  const expected: Record<string, unknown> = shapes(trained);
  const [key, value] = Object.entries(shapes(config)).find(([key, value]) => value !== expected[key]) ?? [];
  if (key === undefined) return;
  throw new UserError(
    `the configuration has ${key} ${value}, and the DAMSM in ${path} was trained with ${expected[key]}: ` +
      `give the same configuration (--set ${key}=${expected[key]}), or train another DAMSM`,
    { code: "checkpoint.mismatch" },
  );
}

function requireSize({ generator, damsm, training }: Config): void {
  const last = imageSizes(generator).at(-1)!;
  if (training.damsmWeight === 0 || damsm.encoder === "inception" || last % damsm.imageSize === 0) return;
  throw new UserError(
    `the generator draws ${last} pixels a side, and DAMSM looks at damsm.imageSize ${damsm.imageSize}: ` +
      "the one must be a multiple of the other",
    { code: "config.invalid" },
  );
}
