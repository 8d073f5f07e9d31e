/**
 * The Inception in DAMSM's image encoder. Its weights are read from a file once, when a run begins. From then on DAMSM's
 * checkpoints and `damsm.safetensors` contain them, and the configuration contains the file's hash.
 */
import { type Config, UserError } from "@sdgan/core";
import { InceptionImageEncoder } from "../models/inception-image-encoder.js";
import { sha256Of } from "../util/sha256.js";
import type { Damsm } from "./damsm.js";
import { loadInception } from "./inception-file.js";

/**
 * The configuration with the file's hash added.
 * @throws UserError if it has the hash of another file
 */
export function recordInception(config: Config, file: string | undefined): Config {
  if (file === undefined || config.damsm.encoder !== "inception") return config;
  return { ...config, damsm: { ...config.damsm, inceptionSha256: expectedHash(config, file) } };
}

/**
 * The configuration of a DAMSM that begins with another one's weights, with the hash of that one's Inception.
 * @throws UserError if a file is given, or `config` has another hash
 */
export function keepInception(config: Config, { damsm: started }: Config, file: string | undefined): Config {
  if (file !== undefined)
    throw new UserError(
      `--inception ${file}: a DAMSM that begins with another one's weights has its Inception: leave the option out`,
      { code: "usage" },
    );
  const { encoder, inceptionSha256: given } = config.damsm;
  const own = started.inceptionSha256;
  if (encoder !== "inception" || given === own) return config;
  if (given === "") return { ...config, damsm: { ...config.damsm, inceptionSha256: own } };
  throw new UserError(
    `the configuration has damsm.inceptionSha256 ${given}, and the DAMSM to begin with has the Inception ${own}: ` +
      "leave damsm.inceptionSha256 as it is",
    { code: "checkpoint.mismatch" },
  );
}

/**
 * Loads the Inception of a new DAMSM.
 * @param resumes whether there is a checkpoint, which contains the weights
 * @throws UserError if the file is missing, not needed, has another hash than the configuration's, or is not Inception's
 */
export function bringInception(
  { image }: Damsm,
  config: Config,
  { file, resumes }: { file: string | undefined; resumes: boolean },
): void {
  if (!(image instanceof InceptionImageEncoder)) {
    if (file === undefined) return;
    throw new UserError(
      `--inception ${file}: damsm.encoder is ${config.damsm.encoder}, which does not use Inception: leave the option out, ` +
        "or --set damsm.encoder=inception",
      { code: "usage" },
    );
  }
  if (file !== undefined) {
    expectedHash(config, file);
    loadInception(image.inception, file);
  } else if (!resumes) {
    throw new UserError(
      "damsm.encoder is inception, but its weights are missing: give --inception FILE, torchvision's " +
        "inception_v3_google-0cc3c7bd.pth or the same weights as safetensors; or train an encoder that needs no file: " +
        "--set damsm.encoder=convolutional",
      { code: "file.missing" },
    );
  }
}

function expectedHash({ damsm: { inceptionSha256: expected } }: Config, file: string): string {
  const hash = sha256Of(file);
  if (expected === "" || hash === expected) return hash;
  throw new UserError(
    `${file}: its SHA-256 is ${hash}, but damsm.inceptionSha256 is ${expected}: give the file with that hash`,
    { code: "checkpoint.mismatch" },
  );
}
