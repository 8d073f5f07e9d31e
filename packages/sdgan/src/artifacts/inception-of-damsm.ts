/**
 * The Inception under DAMSM's image encoder: its weights come from a file once, when a run begins. From then on DAMSM's
 * checkpoints and `damsm.safetensors` have them, and the configuration has the file's hash.
 */
import { type Config, UserError } from "@sdgan/core";
import { InceptionImageEncoder } from "../models/inception-image-encoder.js";
import { sha256Of } from "../util/sha256.js";
import type { Damsm } from "./damsm.js";
import { loadInception } from "./inception-file.js";

/**
 * The configuration with the file's hash in it.
 * @throws UserError if it has another's already
 */
export function recordInception(config: Config, file: string | undefined): Config {
  if (file === undefined || config.damsm.encoder !== "inception") return config;
  return { ...config, damsm: { ...config.damsm, inceptionSha256: expectedHash(config, file) } };
}

/**
 * Loads a new DAMSM's Inception.
 * @param resumes whether a checkpoint is there, which has the weights
 * @throws UserError if the file is missing, not needed, of another hash than the configuration's, or not Inception's
 */
export function bringInception(
  { image }: Damsm,
  config: Config,
  { file, resumes }: { file: string | undefined; resumes: boolean },
): void {
  if (!(image instanceof InceptionImageEncoder)) {
    if (file === undefined) return;
    throw new UserError(
      `--inception ${file}: damsm.encoder is ${config.damsm.encoder}, which has no Inception: leave it out, ` +
        "or --set damsm.encoder=inception",
      { code: "usage" },
    );
  }
  if (file !== undefined) {
    expectedHash(config, file);
    loadInception(image.inception, file);
  } else if (!resumes) {
    throw new UserError(
      "damsm.encoder is inception, and its weights are missing: give --inception FILE, torchvision's " +
        "inception_v3_google-0cc3c7bd.pth or the same as safetensors; or train an encoder that needs none: " +
        "--set damsm.encoder=convolutional",
      { code: "file.missing" },
    );
  }
}

function expectedHash({ damsm: { inceptionSha256: expected } }: Config, file: string): string {
  const hash = sha256Of(file);
  if (expected === "" || hash === expected) return hash;
  throw new UserError(
    `${file}: its SHA-256 is ${hash}, and damsm.inceptionSha256 is ${expected}: give the file that it is of`,
    { code: "checkpoint.mismatch" },
  );
}
