/** Imports AttnGAN's published weights, and weights that its code saves, into a run folder. */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Config, imageSizes, UserError, type Vocabulary } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import { indexOf, isShardIndex } from "../artifacts/shards.js";
import { loadConfig } from "../config/load.js";
import { readVocabulary } from "../data/with-vocabulary.js";
import { onDisk } from "../util/system-errors.js";
import { discriminatorSizes, generatorSizes, imageEncoderWidth, textSizes } from "./attngan-shapes.js";
import { type NetworkFile, type Role, readNetworks, roleNames, type UnusedPart } from "./network-file.js";
import { makeRun, type NetworkFiles } from "./new-run.js";

export interface ImportAttnganOptions {
  /** Checkpoints and `captions.pickle` in any order, or folders with such files. */
  files: readonly string[];
  /** The run folder to create. */
  run: string;
  /**
   * Preset or YAML file for settings that the weights do not determine, such as `data.maxWords` and training.
   */
  config: string;
  /** "key.path=value"; these override all other settings. */
  set?: readonly string[];
}

export interface Imported {
  config: Config;
  words: number;
  /** The imported files and their networks. */
  networks: { path: string; role: Role }[];
  /** What else the files have. */
  unused: UnusedPart[];
}

/**
 * Creates a run folder from AttnGAN's generator and text encoder, and from its image encoder and
 * discriminators if given. The kind and sizes of the networks are determined from the tensors.
 *
 * @throws UserError that names the file and what is wrong or missing; nothing is written then
 */
export function importAttngan({ files, run, config: base, set = [] }: ImportAttnganOptions): Imported {
  return scope(() => {
    const paths = files.flatMap(expand);
    const isVocabulary = (path: string) => /\.(pickle|pkl|json)$/.test(path) && !isShardIndex(path);
    const vocabulary = vocabularyOf(paths.filter(isVocabulary));
    const read = paths.filter((path) => !isVocabulary(path)).map(readNetworks);
    const networks = byRole(read.flatMap((file) => file.networks));
    requireWords(networks.text, vocabulary.value, vocabulary.path);
    const config = loadConfig(base, [...settingsOf(networks), ...set]);
    makeRun(run, config, vocabulary.value, networks);
    const { generator, text, image, discriminators = [] } = networks;
    const found = [generator, text, ...(image ? [image] : []), ...discriminators];
    return {
      config,
      words: vocabulary.value.size,
      networks: found.map(({ path, role }) => ({ path, role })),
      unused: read.flatMap((file) => file.unused),
    };
  });
}

function expand(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new UserError(`${path}: no such file or folder`, { code: "file.missing" });
  if (!found.isDirectory()) return [path];
  const inside = onDisk(path, () => readdirSync(path)).sort();
  const isPart = (name: string) => inside.includes(indexOf(name) ?? ""); // It is read by its index.
  return inside
    .filter((name) => isShardIndex(name) || name === "captions.pickle" || (isWeights(name) && !isPart(name)))
    .map((name) => join(path, name));
}

function isWeights(name: string): boolean {
  return /\.(pth|pt|safetensors)$/.test(name);
}

function vocabularyOf(paths: string[]): { path: string; value: Vocabulary } {
  const [path, another] = paths;
  if (path === undefined)
    throw new UserError("captions.pickle is missing: give the one that the text encoder was trained with", {
      code: "file.missing",
    });
  if (another !== undefined)
    throw new UserError(`${another}: is a second vocabulary; the first is ${path}: give one of them`, {
      code: "usage",
    });
  return { path, value: readVocabulary(path) };
}

function byRole(files: readonly NetworkFile[]): NetworkFiles {
  const only = (role: Role, example: string): NetworkFile | undefined => {
    const [first, second] = files.filter((file) => file.role === role);
    if (first && second)
      throw new UserError(
        `${second.path}: is a second ${roleNames[role]}; the first is ${first.path}: ` +
          (first.path !== second.path && first.file === second.file
            ? "save the state_dict that is wanted in a file of its own"
            : `give one, for example ${example}`),
        { code: "usage" },
      );
    return first;
  };
  const required = (role: Role, example: string): NetworkFile => {
    const file = only(role, example);
    if (!file)
      throw new UserError(`the ${roleNames[role]} is missing: give its file, ${example}`, {
        code: "file.missing",
      });
    return file;
  };
  const generator = required("generator", "bird_AttnGAN2.pth or netG_epoch_600.pth");
  const text = required("text", "text_encoder200.pth");
  const image = only("image", "image_encoder200.pth");
  const discriminators = files.filter(({ role }) => role === "discriminator");
  return { generator, text, image, discriminators: inOrder(discriminators, generator) };
}

/** One discriminator per stage of the generator, in the order of the stages; undefined if none is given. */
function inOrder(files: NetworkFile[], generator: NetworkFile): NetworkFile[] | undefined {
  if (files.length === 0) return undefined;
  const expected = imageSizes(generatorSizes(generator));
  const bySize = new Map(files.map((file) => [discriminatorSizes(file).imageSize, file]));
  const found = files.map((file) => discriminatorSizes(file).imageSize).sort((a, b) => a - b);
  if (found.join() !== expected.join()) {
    throw new UserError(
      `${files[0]!.path}: the discriminators given are for images of ${found.join(", ")} pixels, ` +
        `and the generator generates ${expected.join(", ")}: give one for each, or none`,
      { code: "checkpoint.mismatch" },
    );
  }
  return expected.map((size) => bySize.get(size)!);
}

function requireWords(text: NetworkFile, vocabulary: Vocabulary, path: string): void {
  const { vocabularySize } = textSizes(text);
  if (vocabularySize === vocabulary.size) return;
  throw new UserError(
    `${path}: has ${vocabulary.size} words, and ${text.path} has ${vocabularySize}: ` +
      "give the captions.pickle that the text encoder was trained with",
    { code: "checkpoint.mismatch" },
  );
}

/** Settings that follow from the tensors. AttnGAN has no SCBN and no Siamese branches. */
function settingsOf({ generator, text, image, discriminators }: NetworkFiles): string[] {
  const { textWidth, ...sizes } = generatorSizes(generator);
  const { embedding, width } = textSizes(text);
  requireTextWidth(generator, textWidth, text, width);
  if (image) requireTextWidth(image, imageEncoderWidth(image), text, width);
  const ofDiscriminators = (discriminators ?? []).map(discriminatorSizes);
  for (const [i, own] of ofDiscriminators.entries()) {
    requireTextWidth(discriminators![i]!, own.textWidth, text, width);
    if (own.width !== ofDiscriminators[0]!.width)
      throw new UserError(
        `${discriminators![i]!.path}: has a width of ${own.width} channels, and ${discriminators![0]!.path} of ` +
          `${ofDiscriminators[0]!.width}: give discriminators of one model`,
        { code: "checkpoint.mismatch" },
      );
  }
  return [
    `text.embedding=${embedding}`,
    `text.width=${width}`,
    ...Object.entries(sizes).map(([key, size]) => `generator.${key}=${size}`),
    "generator.scbn=none",
    "siamese.enabled=false",
    ...(image ? ["damsm.encoder=inception"] : []),
    ...(ofDiscriminators[0] ? [`discriminator.width=${ofDiscriminators[0].width}`] : []),
  ];
}

function requireTextWidth(file: NetworkFile, found: number, text: NetworkFile, width: number): void {
  if (found === width) return;
  throw new UserError(
    `${file.path}: takes text features of width ${found}, and ${text.path} has ${width}: ` +
      "give the text encoder that it was trained with",
    { code: "checkpoint.mismatch" },
  );
}
