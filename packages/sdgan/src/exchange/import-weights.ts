import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, imageSizes, UserError } from "@sdgan/core";
import { scope } from "@sdgan/torch";
import { loadConfig } from "../config/load.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { weightFiles } from "./export-run.js";
import { type NetworkFile, type Role, readNetwork } from "./network-file.js";
import { makeRun } from "./new-run.js";

/**
 * Creates the run folder `run` from the files that `exportRun` wrote into `folder`, for example after other
 * programs changed the weights. Networks may also be PyTorch files (`netG.pth`).
 *
 * @throws UserError that names the file and what is wrong or missing; nothing is written then
 */
export function importWeights(folder: string, run: string): { config: Config; files: string[] } {
  return scope(() => {
    const config = loadConfig(join(folder, "config.yaml"));
    const vocabulary = loadVocabulary(join(folder, "vocabulary.json"));
    const image = optional(folder, weightFiles.image, "image");
    const networks = {
      generator: required(folder, weightFiles.generator, "generator"),
      text: required(folder, weightFiles.text, "text"),
      image,
      discriminators: discriminatorsIn(folder, config),
    };
    makeRun(run, config, vocabulary, networks);
    const { generator, text, discriminators = [] } = networks;
    const read = [generator, text, ...(image ? [image] : []), ...discriminators];
    return { config, files: read.map(({ path }) => path) };
  });
}

/** One discriminator per stage, or undefined if there is none. */
function discriminatorsIn(folder: string, { generator }: Config): NetworkFile[] | undefined {
  const names = imageSizes(generator).map((_, stage) => weightFiles.discriminator(stage));
  const found = names.map((name) => optional(folder, name, "discriminator"));
  if (found.every((file) => file === undefined)) return undefined;
  return found.map((file, stage) => file ?? required(folder, names[stage]!, "discriminator"));
}

function required(folder: string, name: string, role: Role): NetworkFile {
  const file = optional(folder, name, role);
  if (file) return file;
  throw new UserError(`${join(folder, name)}.safetensors: there is no such file, and no ${name}.pth`, {
    code: "file.missing",
  });
}

function optional(folder: string, name: string, role: Role): NetworkFile | undefined {
  const paths = endings.map((ending) => join(folder, `${name}.${ending}`)).filter(existsSync);
  if (paths.length > 1)
    throw new UserError(`${paths[1]}: ${paths[0]} exists too: keep one of them`, { code: "usage" });
  return paths[0] === undefined ? undefined : readNetwork(paths[0], role);
}

const endings = ["safetensors", "safetensors.index.json", "pth"];
