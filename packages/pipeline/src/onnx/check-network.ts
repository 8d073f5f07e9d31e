import { type ModelManifest, quote, UserError, visible } from "@sdgan/core";
import { FLOAT, INT64, OnnxError, type Port, readOutline } from "./model-file.js";

/** An input or output as the pipeline uses it: its type, and its dimensions, `undefined` where they vary. */
type Expected = Record<string, { type: number; shape: readonly (number | undefined)[] | undefined }>;

/**
 * Refuses a text encoder that is not one of this manifest, or that is not safe to run (`readOutline`).
 * @param where the file's name for messages
 * @throws UserError `model.invalid`
 */
export function checkTextEncoder(file: Uint8Array, { sizes }: ModelManifest, where: string): void {
  checkPorts(file, where, {
    inputs: { tokens: { type: INT64, shape: [B, T] }, lengths: { type: INT64, shape: [B] } },
    outputs: {
      words: { type: FLOAT, shape: [B, sizes.text, T] },
      sentence: { type: FLOAT, shape: [B, sizes.text] },
    },
  });
}

/** Like `checkTextEncoder`, for the generator. */
export function checkGenerator(file: Uint8Array, { networks, sizes }: ModelManifest, where: string): void {
  const { images, attentions, gammas, betas } = networks.generator;
  checkPorts(file, where, {
    inputs: {
      z: { type: FLOAT, shape: [B, sizes.noise] },
      epsilon: { type: FLOAT, shape: [B, sizes.condition] },
      words: { type: FLOAT, shape: [B, sizes.text, T] },
      sentence: { type: FLOAT, shape: [B, sizes.text] },
      lengths: { type: INT64, shape: [B] },
    },
    outputs: Object.fromEntries([
      ...images.map((name, i) => [name, { type: FLOAT, shape: [B, 3, sizes.images[i], sizes.images[i]] }]),
      ...[...attentions, ...gammas, ...betas].map((name) => [name, { type: FLOAT, shape: undefined }]),
    ]),
  });
}

/** Batch and words vary. */
const B = undefined;
const T = undefined;

function checkPorts(
  file: Uint8Array,
  where: string,
  { inputs, outputs }: { inputs: Expected; outputs: Expected },
): void {
  try {
    const outline = readOutline(file);
    compare("input", outline.inputs, inputs);
    compare("output", outline.outputs, outputs);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    throw new UserError(
      `${visible(where)}: not a network that can be run: ${visible(error.message)}. Expected a network that sdgan exported for this model: export the model again, or copy all of its files again.`,
      { code: "model.invalid", cause: error },
    );
  }
}

function compare(what: "input" | "output", found: readonly Port[], expected: Expected): void {
  const names = Object.keys(expected);
  const list = (ports: readonly string[]) => ports.map((name) => quote(name)).join(", ") || "none";
  if (found.length !== names.length || !names.every((name) => found.some((port) => port.name === name)))
    throw new OnnxError(
      `its ${what}s are ${list(found.map(({ name }) => name).slice(0, 12))}, not ${list(names)}`,
    );
  for (const { name, type, shape } of found) {
    const wanted = expected[name]!;
    if (type !== wanted.type)
      throw new OnnxError(`its ${what} ${quote(name)} has the element type ${type}, not ${wanted.type}`);
    if (shape && wanted.shape && !fits(shape, wanted.shape))
      throw new OnnxError(
        `its ${what} ${quote(name)} has the shape ${inWords(shape)}, not ${inWords(wanted.shape)}`,
      );
  }
}

function fits(shape: readonly (number | undefined)[], wanted: readonly (number | undefined)[]): boolean {
  return (
    shape.length === wanted.length &&
    wanted.every((size, i) => size === undefined || shape[i] === undefined || shape[i] === size)
  );
}

function inWords(shape: readonly (number | undefined)[]): string {
  return `[${shape
    .slice(0, 8)
    .map((size) => size ?? "?")
    .join(", ")}]`;
}
