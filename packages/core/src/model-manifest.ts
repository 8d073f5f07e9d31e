import { z } from "zod";
import { UserError } from "./errors.js";
import { visible } from "./text/escape.js";
import { tokenizerNames } from "./text/tokenizers.js";

/** The largest values that are read: larger ones would only make a program allocate memory or compute forever. */
const MOST = { side: 1024, stages: 8, width: 4096, captionWords: 512, words: 1_000_000, outputs: 256 };

const count = z.int().positive();
const width = count.max(MOST.width);
/** Shown as it is, so nothing in it may control a terminal or hide text. */
const text = z
  .string()
  .min(1)
  .max(4000)
  .refine((value) => visible(value) === value, { error: "no control characters or invisible characters" });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: "64 hexadecimal digits" });

/** A file beside `model.json`: a plain name, so that a manifest cannot refer to files outside its folder. */
const fileName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, { error: "a file's name, without folders" });

/** Names of a network's optional outputs. */
const outputs = z.array(text).max(MOST.outputs).default([]);

/** Both networks are ONNX files, for batches of B captions of up to T words; B and T are chosen in each call. */
const networks = z.strictObject({
  /**
   * Inputs `tokens` int64 [B, T] and `lengths` int64 [B], 1 … T; tokens after a caption's end are ignored. Outputs `words`
   * float32 [B, D, T], the word features, and `sentence` float32 [B, D], the sentence feature.
   */
  textEncoder: z.strictObject({ file: fileName }),
  /**
   * Inputs `z` float32 [B, noise], `epsilon` float32 [B, condition], and `words`, `sentence` and `lengths` as in the text
   * encoder. The outputs have the names below; all are float32.
   */
  generator: z.strictObject({
    file: fileName,
    /** The images, first stage to last: `image_64` is [B, 3, 64, 64] in −1 … 1. */
    images: z.array(text).min(1).max(MOST.stages),
    /** The attention of the stages after the first: `attention_64`, of the stage of `image_64`, is [B, 32 · 32, T]. */
    attentions: outputs,
    /** SCBN's γ_c: `gamma_64` is [B, C, 64, 64], or [B, C, 1, 1] where it is equal for the whole image. */
    gammas: outputs,
    /** SCBN's β_c: `beta_64` has the shape of `gamma_64`. Models of earlier versions have none. */
    betas: outputs,
  }),
});

const sizes = z.strictObject({
  /** Pixels per side of each stage's image, first to last. */
  images: z.array(count.max(MOST.side)).min(1).max(MOST.stages),
  /** Width of z. */
  noise: width,
  /** Width of ε. */
  condition: width,
  /** D, the width of word features and sentence feature. */
  text: width,
  /** Largest number of words of a caption. */
  maxWords: count.max(MOST.captionWords),
});

const training = z.strictObject({
  /** The data set: its name, and where it comes from. */
  data: text,
  /** The license of the data. */
  dataLicense: text,
  /** Number of training images, if known. */
  images: count.optional(),
  /** Steps of the generator; 0 for weights that were trained elsewhere. */
  steps: z.int().nonnegative(),
  seed: z.int().nonnegative(),
  /** The preset of the configuration, if it has one. */
  preset: text.optional(),
  /** Changes to the preset, as in `--set`. */
  settings: z.array(text).default([]),
  /** The command lines that reproduce the training. */
  commands: z.array(text).default([]),
  /** Version of sdgan. */
  version: text,
});

const manifestSchema = z
  .strictObject({
    format: z.literal("sdgan-model"),
    version: z.literal(1),
    name: text.max(100),
    /** What it generates, in one sentence. */
    description: text,
    /** The license of the weights: an SPDX expression. */
    license: text,
    networks,
    sizes,
    tokenizer: z.enum(tokenizerNames),
    vocabulary: z.strictObject({ file: fileName, words: count.max(MOST.words) }),
    training,
    /** Every file of the model except `model.json`, by name. */
    files: z.record(fileName, z.strictObject({ sha256, bytes: z.int().nonnegative() })),
  })
  .superRefine(({ networks, sizes, vocabulary, files }, context) => {
    const refuse = (path: (string | number)[], message: string) =>
      context.addIssue({ code: "custom", path, message });
    const names = [
      networks.generator.images,
      networks.generator.attentions,
      networks.generator.gammas,
      networks.generator.betas,
    ].flat();
    if (new Set(names).size < names.length) refuse(["networks", "generator"], "an output is named twice");
    const named: [string[], string][] = [
      [["networks", "textEncoder", "file"], networks.textEncoder.file],
      [["networks", "generator", "file"], networks.generator.file],
      [["vocabulary", "file"], vocabulary.file],
    ];
    for (const [path, file] of named)
      if (!Object.hasOwn(files, file)) refuse(path, `"${file}" is not among "files"`);
    if (networks.generator.images.length !== sizes.images.length)
      refuse(["networks", "generator", "images"], `one output for each of ${sizes.images.length} sizes`);
    for (const [i, size] of sizes.images.entries())
      if (i > 0 && size !== sizes.images[i - 1]! * 2)
        refuse(["sizes", "images", i], "twice the size of the previous stage");
  });

/** The content of `model.json` in an exported model: what is needed to generate with it, and its origin. */
export type ModelManifest = z.output<typeof manifestSchema>;

/**
 * Reads the text of a `model.json`.
 * @param where the text came from, for the message
 * @throws UserError `model.invalid` if it is not a manifest, or has another version
 */
export function parseManifest(text: string, where: string): ModelManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(where, String(cause), cause);
  }
  const { format, version } = Object(json) as { format?: unknown; version?: unknown };
  if (format === "sdgan-model" && typeof version === "number" && version > 1)
    throw invalid(where, `version ${version}, expected 1: use a newer version of this program`);
  const { data, error } = manifestSchema.safeParse(json);
  if (error) throw invalid(where, z.prettifyError(error).replace(/\s+/g, " "), error);
  return data;
}

/**
 * The text of `model.json`.
 * @throws UserError `model.invalid` if `manifest` is not valid
 */
export function formatManifest(manifest: z.input<typeof manifestSchema>): string {
  const text = JSON.stringify(manifest, undefined, 2);
  return `${JSON.stringify(parseManifest(text, "model.json"), undefined, 2)}\n`;
}

function invalid(where: string, found: string, cause?: unknown): UserError {
  return new UserError(
    `${visible(where)}: not the manifest of a model (${visible(found).slice(0, 300)}). Export the model again, or copy all of its files again.`,
    { code: "model.invalid", cause },
  );
}
