/** The weights of another run that a training begins with (`--from`): DAMSM's, or the GAN's. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Config, imageSizes, UserError, type Vocabulary } from "@sdgan/core";
import { call, noGrad, scope, type Tensor, tensor } from "@sdgan/torch";
import { type Dependencies, dependenciesPath, readDependencies } from "../run/dependencies.js";
import { holdsRun, openRun, type RunFolder } from "../run/run-folder.js";
import { sha256Of } from "../util/sha256.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { newestCheckpoint } from "./checkpoints.js";
import { type Damsm, damsmFile, damsmFolder } from "./damsm.js";
import { damsmDependency, damsmShapes } from "./damsm-of-run.js";
import { modelFile } from "./model.js";
import { readTensors, refusing, stateUnder } from "./tensor-file.js";

/** The run of a part of `from`: its configuration and vocabulary, and the files whose weights training begins with. */
export interface Start extends RunFolder {
  /** The file of the trained networks. */
  file: string;
  /** For the GAN: the checkpoint with the discriminators, if there is one. */
  checkpoint?: string | undefined;
}

/**
 * The trained DAMSM of the run folder `from`.
 * @throws UserError if there is none
 */
export function damsmStart(from: string): Start {
  const folder = damsmFolder(from);
  if (!holdsRun(folder)) refuse(from, "damsm");
  const file = join(folder, damsmFile);
  requireTrained(file, "DAMSM", `sdgan train damsm --config … --data … --run ${from}`);
  return { ...openRun(folder), file };
}

/**
 * The trained GAN of the run folder `from`.
 * @throws UserError if there is none
 */
export function ganStart(from: string): Start {
  if (!holdsRun(from) || isDamsm(from)) refuse(from, "gan");
  const file = join(from, modelFile);
  requireTrained(file, "GAN", `sdgan train gan --config … --data … --run ${from}`);
  const run = openRun(from);
  return { ...run, file, checkpoint: newestCheckpoint(run.checkpoints) };
}

/**
 * Refuses a run as its own start.
 * @throws UserError if both are the same folder
 */
export function requireOtherRun(from: string, run: string): void {
  if (!existsSync(from) || !existsSync(run) || realpathSync(from) !== realpathSync(run)) return;
  throw new UserError(
    `--from ${from}: is the folder of --run itself: give another --run for the new run, or continue this one with --resume`,
    { code: "usage" },
  );
}

/** The files of a start, with their hashes. */
export function filesOf({ file, checkpoint }: Start): NonNullable<Dependencies["from"]> {
  return [file, ...(checkpoint === undefined ? [] : [checkpoint])].map((path) => ({
    sha256: sha256Of(path),
    file: path,
  }));
}

/**
 * The vocabulary of a training on other data: the words of `data` with their tokens, then the other words of the start.
 * @throws UserError if the tokenizers differ
 */
export function extendedVocabulary(
  start: Start,
  { dir, vocabulary }: { dir: string; vocabulary: Vocabulary },
) {
  const known = loadVocabulary(start.vocabulary);
  if (known.tokenizer === vocabulary.tokenizer) return vocabulary.extendedBy(known);
  throw new UserError(
    `${dir}: was prepared with the tokenizer ${vocabulary.tokenizer}, and ${start.path} was trained with ${known.tokenizer}: ` +
      `prepare the data again with --tokenizer ${known.tokenizer}`,
    { code: "data.mismatch" },
  );
}

/**
 * Loads a start into DAMSM's networks. Words that it knows get its embeddings; the others keep their initial ones.
 *
 * @param vocabulary that of the networks
 * @throws UserError if a setting that determines shapes differs, or the file does not fit
 */
export function loadDamsmStart(start: Start, networks: Damsm, config: Config, vocabulary: Vocabulary): void {
  requireEqual(start, damsmShapes(start.config), damsmShapes(config));
  const known = loadVocabulary(start.vocabulary);
  const remedy = "give another run";
  scope(() => {
    const { tensors } = readTensors(start.file, remedy);
    refusing(start.file, remedy, () => {
      const text = stateUnder(tensors, "text");
      const embedding = text.get(embeddingName);
      if (embedding?.size(0) !== known.size)
        throw new Error(
          `does not have an embedding for each of the ${known.size} words of ${start.vocabulary}`,
        );
      const initial = networks.text.stateDict().get(embeddingName)!;
      text.set(embeddingName, withKnownRows(initial, embedding, vocabulary.tokensIn(known)));
      networks.text.loadStateDict(text);
      networks.image.loadStateDict(stateUnder(tensors, "image"));
    });
  });
}

const embeddingName = "encoder.weight";

/** `initial` [V, E], with row i replaced by row `tokens[i]` of `known` [V', E] where there is one. */
function withKnownRows(initial: Tensor, known: Tensor, tokens: readonly (number | undefined)[]): Tensor {
  return noGrad(() => {
    const isKnown = tensor(
      tokens.map((token) => token !== undefined),
      { dtype: "bool" },
    ).unsqueeze(1);
    const rows = known.indexSelect(
      0,
      tensor(
        tokens.map((token) => token ?? 0),
        { dtype: "int64" },
      ),
    );
    return call<Tensor>("where.self", isKnown, rows, initial);
  });
}

/** States that the GAN begins with. */
export interface GanWeights extends Disposable {
  /** The file of the generator. */
  file: string;
  /** The averaged generator's. */
  generator: Map<string, Tensor>;
  /** One per stage; absent if the start has none. */
  discriminators?: Map<string, Tensor>[] | undefined;
  /** `dataSource` and `dataLicences` of the start's metadata. */
  origin: { dataSource?: string; dataLicences?: string };
}

/**
 * Reads the averaged generator of a start, and the discriminators of its newest checkpoint.
 * @throws UserError if a setting that determines shapes differs, or a file is broken
 */
export function readGanStart(start: Start, config: Config): GanWeights {
  requireEqual(start, ganShapes(start.config), ganShapes(config));
  const remedy = "give another run";
  const { tensors, metadata } = readTensors(start.file, remedy);
  const origin = originIn(start.file, metadata);
  const { file } = start;
  const generator = stateUnder(tensors, "generator");
  if (start.checkpoint === undefined)
    return { file, generator, origin, [Symbol.dispose]: () => disposeAll(tensors) };
  requireEqual(start, section(start.config, "discriminator"), section(config, "discriminator"));
  const states = readTensors(start.checkpoint, remedy).tensors;
  const discriminators = imageSizes(config.generator).map((_, i) => stateUnder(states, `discriminator${i}`));
  const dispose = () => {
    for (const read of [tensors, states]) disposeAll(read);
  };
  return { file, generator, discriminators, origin, [Symbol.dispose]: dispose };
}

function disposeAll(tensors: ReadonlyMap<string, Tensor>): void {
  for (const tensor of tensors.values()) tensor.dispose();
}

function originIn(file: string, { dataSource, dataLicences }: Record<string, string>): GanWeights["origin"] {
  if (dataSource === undefined || dataLicences === undefined) return {};
  const isList = refusing(file, "give another run", () => Array.isArray(JSON.parse(dataLicences)));
  return isList ? { dataSource, dataLicences } : {};
}

/** Settings that determine the shapes of the generator, by key. */
function ganShapes(config: Config): Record<string, unknown> {
  return { "text.width": config.text.width, ...section(config, "generator") };
}

function section(config: Config, name: "generator" | "discriminator"): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config[name]).map(([key, value]) => [`${name}.${key}`, value]));
}

function requireEqual(
  { path }: Start,
  trained: Record<string, unknown>,
  given: Record<string, unknown>,
): void {
  for (const [key, value] of Object.entries(given)) {
    const [found, expected] = [value, trained[key]].map((one) => JSON.stringify(one)?.replaceAll('"', ""));
    if (found === expected) continue;
    throw new UserError(
      `the configuration has ${key} ${found}, and the run in ${path} was trained with ${expected}: ` +
        `its weights fit no other value: leave it as it is (--set ${key}=${expected})`,
      { code: "checkpoint.mismatch" },
    );
  }
}

/**
 * Whether the DAMSM of the run folder `run` is the one that the generator of `from` was trained with, or was trained on
 * from it: only then the generator knows its features.
 */
export function descendsFrom(from: string, run: string): boolean {
  const recorded = existsSync(dependenciesPath(from)) ? readDependencies(from).damsm : undefined;
  const theirs = (recorded ?? damsmDependency(from))?.sha256;
  const own = readDependencies(damsmFolder(run)).from ?? [];
  return [damsmDependency(run)?.sha256, ...own.map(({ sha256 }) => sha256)].some((hash) => hash === theirs);
}

/** @throws UserError that says what `from` is instead of a run folder */
function refuse(from: string, training: "damsm" | "gan"): never {
  throw new UserError(`--from ${from}: ${whatIs(from, training)}`, { code: "usage" });
}

const isDamsm = (folder: string) => existsSync(join(folder, damsmFile));

function whatIs(from: string, training: "damsm" | "gan"): string {
  const has = (name: string) => existsSync(join(from, name));
  if (!existsSync(from)) return "there is no such folder; give the run folder of a trained model";
  if (from.endsWith(".onnx") || has("model.json"))
    return (
      "is an ONNX model, which cannot be trained on: normalization is merged into its convolutions, and it has neither " +
      "discriminators nor DAMSM's image encoder; give the run folder that it was exported from"
    );
  if (statSync(from).isFile()) return "is a file; give the run folder of a trained model";
  if (has("netG.safetensors") || has("netG.pth"))
    return `has exported weights; make a run folder of them first: sdgan import weights ${from} --run RUN`;
  if (isDamsm(from)) return "is DAMSM's folder in a run folder; give the run folder itself";
  if (training === "damsm" && holdsRun(from))
    return "has no DAMSM; give a run folder in which one was trained, or train one without --from";
  if (training === "gan" && holdsRun(damsmFolder(from)))
    return `has a DAMSM but no trained GAN; train it first: sdgan train gan --config … --data … --run ${from}; or give another --from`;
  return "holds no run: config.yaml is missing; give the run folder of a trained model";
}

function requireTrained(file: string, what: string, command: string): void {
  if (existsSync(file)) return;
  throw new UserError(
    `${file}: there is no such file, so there is no trained ${what} to begin with: train it first: ${command}; or give another --from`,
    { code: "file.missing" },
  );
}
