import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, imageSizes, UserError } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import { loadConfig } from "../config/load.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { weightFiles } from "./export-run.js";
import { type NetworkFile, readNetworkFile } from "./network-file.js";
import { makeRun } from "./new-run.js";

/**
 * Makes the run folder `run` of what `exportRun` wrote into `folder`, or of files of the same names, each a safetensors
 * file or one of PyTorch's (`netG.pth`): weights that were changed elsewhere.
 *
 * @throws UserError that names the file and what is wrong or missing; nothing is left then
 */
export function importWeights(folder: string, run: string): { config: Config; files: string[] } {
  return scope(() => {
    const config = loadConfig(join(folder, "config.yaml"));
    const vocabulary = loadVocabulary(join(folder, "vocabulary.json"));
    const image = optional(folder, weightFiles.image);
    const networks = {
      generator: required(folder, weightFiles.generator),
      text: required(folder, weightFiles.text),
      image,
      discriminators: discriminatorsIn(folder, config),
    };
    makeRun(run, config, vocabulary, networks);
    const { generator, text, discriminators = [] } = networks;
    const read = [generator, text, ...(image ? [image] : []), ...discriminators];
    return { config, files: read.map(({ path }) => path) };
  });
}

/** One for each stage, or none. */
function discriminatorsIn(folder: string, { generator }: Config): NetworkFile[] | undefined {
  const names = imageSizes(generator).map((_, stage) => weightFiles.discriminator(stage));
  const found = names.map((name) => optional(folder, name));
  if (found.every((file) => file === undefined)) return undefined;
  return found.map((file, stage) => file ?? required(folder, names[stage]!));
}

function required(folder: string, name: string): NetworkFile {
  const file = optional(folder, name);
  if (file) return file;
  throw new UserError(`${join(folder, name)}.safetensors: is missing (${name}.pth would do as well)`, {
    code: "file.missing",
  });
}

function optional(folder: string, name: string): NetworkFile | undefined {
  const paths = ["safetensors", "pth"].map((ending) => join(folder, `${name}.${ending}`)).filter(existsSync);
  if (paths.length > 1)
    throw new UserError(`${paths[1]}: is beside ${paths[0]}: keep one of them`, { code: "usage" });
  return paths[0] === undefined ? undefined : readNetworkFile(paths[0]);
}
