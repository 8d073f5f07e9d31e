/** The DAMSM that a GAN is trained with. It is in the GAN's run folder, so that this folder alone suffices to resume. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Config, imageSizes, UserError, type Vocabulary } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import type { Prepared } from "../data/prepared.js";
import { type Dependencies, dependenciesFile, readDependencies } from "../run/dependencies.js";
import { openRun, type RunFolder } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { sha256Of } from "../util/sha256.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { type Damsm, damsmFile, damsmFolder, loadDamsm, requireRunFolder } from "./damsm.js";
import { readTensors, refusing, stateUnder } from "./tensor-file.js";

/**
 * Loads the trained DAMSM of the run folder `run`, frozen. Its vocabulary begins with that of the data.
 * @param from the run that the GAN begins from, for the message
 * @throws UserError if there is none, or it was trained with another configuration or vocabulary.
 */
export function openDamsm(run: string, config: Config, data: Prepared, from?: string): Damsm {
  const weights = config.damsm.encoder === "inception" ? " --inception FILE" : "";
  const begin = from === undefined ? `--config …${weights}` : `--from ${from}`;
  const damsm = trainedDamsm(run, `sdgan train damsm ${begin} --data ${data.dir} --run ${run}`);
  requireSameNetworks(damsm, config);
  requireSize(config);
  const vocabulary = loadVocabulary(damsm.vocabulary);
  if (!vocabulary.beginsWith(data.vocabulary)) {
    throw new UserError(
      `${data.dir}: has another vocabulary or tokenizer than the DAMSM in ${damsm.path}: ` +
        "give the data that DAMSM was trained on, or train another DAMSM in another run",
      { code: "data.mismatch" },
    );
  }
  const path = join(damsm.path, damsmFile);
  return refusing(path, "train DAMSM again, in another run", () => loadDamsm(path, config, vocabulary.size));
}

/**
 * The files of the trained DAMSM of the run folder `from`, and where they are copied to in `run`.
 * @throws UserError if there is none, or `run` has another DAMSM.
 */
export function adoptableFiles(from: string, run: string): { from: string; to: string }[] {
  const source = trainedDamsm(from, `sdgan train damsm --config … --data … --run ${from}`);
  readDependencies(source.path);
  const target = damsmFolder(run);
  // The networks last: their file makes the DAMSM count as present.
  const names = ["vocabulary.json", dependenciesFile, "config.yaml", damsmFile];
  const files = names.map((name) => ({ from: join(source.path, name), to: join(target, name) }));
  for (const { from, to } of files) {
    if (existsSync(to) && !onDisk(to, () => readFileSync(to)).equals(readFileSync(from)))
      throw new UserError(`${to}: exists already and differs from ${from}: use another --run`, {
        code: "file.exists",
      });
  }
  return files;
}

/** Copies the trained DAMSM of the run folder `from` into `run`. @throws UserError as `adoptableFiles` */
export function adoptDamsm(from: string, run: string): void {
  const files = adoptableFiles(from, run);
  const target = damsmFolder(run);
  onDisk(target, () => ensureFolder(target));
  for (const { from, to } of files)
    writeFileAtomic(
      to,
      onDisk(from, () => readFileSync(from)),
    );
}

/** The vocabulary of the DAMSM of the run folder `run`. */
export function damsmVocabulary(run: string): Vocabulary {
  return loadVocabulary(openRun(damsmFolder(run)).vocabulary);
}

/** The DAMSM of the run folder `run` as a dependency of the GAN trained there; undefined if there is none. */
export function damsmDependency(run: string): Dependencies["damsm"] {
  const path = join(damsmFolder(run), damsmFile);
  return existsSync(path) ? { sha256: sha256Of(path), file: relative(run, path) } : undefined;
}

function trainedDamsm(run: string, command: string): RunFolder {
  requireRunFolder(run);
  const folder = damsmFolder(run);
  if (!existsSync(join(folder, damsmFile))) {
    throw new UserError(
      `${join(folder, damsmFile)}: there is no trained DAMSM; train it first: ${command}; ` +
        "or use another run's: --damsm RUN",
      { code: "file.missing" },
    );
  }
  return openRun(folder);
}

/** Checks that the settings of `damsmShapes` are those of DAMSM's training. */
function requireSameNetworks({ path, config: trained }: RunFolder, config: Config): void {
  const expected: Record<string, unknown> = damsmShapes(trained);
  const [key, value] =
    Object.entries(damsmShapes(config)).find(([key, value]) => value !== expected[key]) ?? [];
  if (key === undefined) return;
  throw new UserError(
    `the configuration has ${key} ${value}, and the DAMSM in ${path} was trained with ${expected[key]}: ` +
      `give the same configuration (--set ${key}=${expected[key]}), or train another DAMSM`,
    { code: "checkpoint.mismatch" },
  );
}

/** Settings that determine the shapes, the input and the meaning of DAMSM's networks, by key. */
export function damsmShapes({ text, damsm }: Config): Record<string, unknown> {
  return {
    "text.embedding": text.embedding,
    "text.width": text.width,
    "text.sentence": text.sentence,
    "text.whiten": text.whiten,
    "damsm.encoder": damsm.encoder,
    ...(damsm.encoder === "convolutional" && {
      "damsm.width": damsm.width,
      "damsm.imageSize": damsm.imageSize,
    }),
  };
}

function requireSize({ generator, damsm, training, discriminator }: Config): void {
  const last = imageSizes(generator).at(-1)!;
  if (
    (training.damsmWeight === 0 && discriminator.features === "none") ||
    damsm.encoder === "inception" ||
    last % damsm.imageSize === 0
  )
    return;
  throw new UserError(
    `the generator's images have ${last} pixels per side, and damsm.imageSize is ${damsm.imageSize}: ` +
      "the first must be a multiple of the second",
    { code: "config.invalid" },
  );
}

/**
 * Checks that a DAMSM for evaluation is not the one that the generator was trained with.
 *
 * @param file the file of the DAMSM that evaluates
 * @param trainedWith the generator's file, or the file of the DAMSM that it is trained with
 * @param option the option that gave `file`, for the message
 * @throws UserError if both have the same text encoder
 */
export function requireIndependent(file: string, trainedWith: string, option: string): void {
  if (textOf(file) !== textOf(trainedWith)) return;
  throw new UserError(
    `${file}: is the DAMSM that ${trainedWith} was trained with (the text encoder's weights are equal), so its scores ` +
      "would be biased: train another one with another seed: sdgan train damsm --config … --set seed=1 --data … " +
      `--run OTHER, and give ${option} OTHER`,
    { code: "checkpoint.mismatch" },
  );
}

/** SHA-256 of the text encoder's weights in a file, which identifies the DAMSM. */
function textOf(file: string): string {
  return scope(() => {
    const { tensors } = readTensors(file, "train it again");
    const hash = createHash("sha256");
    for (const [name, weights] of [...stateUnder(tensors, "text")].sort(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(name).update(weights.toBytes());
    return hash.digest("hex");
  });
}
