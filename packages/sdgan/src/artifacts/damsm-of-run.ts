import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Config, imageSizes, UserError } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import type { Prepared } from "../data/prepared.js";
import { type Dependencies, dependenciesFile, readDependencies } from "../run/dependencies.js";
import { openRun, type RunFolder } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { sha256Of } from "../util/sha256.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { type Damsm, damsmFile, damsmFolder, loadDamsm } from "./damsm.js";
import { readTensors, refusing, stateUnder } from "./tensor-file.js";
/** The DAMSM that a GAN is trained with: it lies in the GAN's own run folder, so that this folder alone can resume. */

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
  readDependencies(source.path);
  const target = damsmFolder(run);
  // The networks last: with them it counts as there.
  const names = ["vocabulary.json", dependenciesFile, "config.yaml", damsmFile];
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

/** The DAMSM of the run folder `run`, as what the GAN trained in it depends on; undefined where there is none. */
export function damsmDependency(run: string): Dependencies["damsm"] {
  const path = join(damsmFolder(run), damsmFile);
  return existsSync(path) ? { sha256: sha256Of(path), file: relative(run, path) } : undefined;
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

/**
 * Refuses a DAMSM that taught the generator which it is to judge.
 *
 * @param file the DAMSM's @param taught the generator's file, or that of the DAMSM it is taught by
 * @param option by which the user gave it
 * @throws UserError
 */
export function requireIndependent(file: string, taught: string, option: string): void {
  if (textOf(file) !== textOf(taught)) return;
  throw new UserError(
    `${file}: is the DAMSM that ${taught} was trained with (the same weights of the text encoder), so it would ` +
      "praise what it taught: train another from another seed: sdgan train damsm --config … --set seed=1 --data … " +
      `--run OTHER, and give ${option} OTHER`,
    { code: "checkpoint.mismatch" },
  );
}

/** SHA-256 of the text encoder's weights in a file: which DAMSM it is of. */
function textOf(file: string): string {
  return scope(() => {
    const { tensors } = readTensors(file, "train it again");
    const hash = createHash("sha256");
    for (const [name, weights] of [...stateUnder(tensors, "text")].sort(([a], [b]) => (a < b ? -1 : 1)))
      hash.update(name).update(weights.toBytes());
    return hash.digest("hex");
  });
}
