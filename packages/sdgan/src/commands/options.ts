/** Options that several commands share, and parsers of option values. An invalid value is an error of usage. */

import { type Command, InvalidArgumentError, type Option } from "commander";
import { devices } from "../compute/device.js";

/**
 * A required option. Commander's own `requiredOption` is checked before misspelt options are reported: `--daat x` would
 * be answered with "--data is missing".
 */
export function requiredOption(command: Command, flags: string, description: string): Command {
  const option = command.createOption(flags, `${description} (required)`);
  return command.addOption(option).hook("preAction", (_, called) => {
    if (called.getOptionValue(option.attributeName()) === undefined)
      called.error(`error: option '${flags}' is required`, { code: "commander.missingMandatoryOptionValue" });
  });
}

/** A whole number from `from` to `to`. */
export function wholeNumber(from: number, to = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= from && value <= to) return value;
    throw new InvalidArgumentError(
      `Expected a whole number ${to === Number.MAX_SAFE_INTEGER ? `of at least ${from}` : `from ${from} to ${to}`}.`,
    );
  };
}

/** A number from 0 to below 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError("Expected a number from 0 to below 1.");
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number above 0.");
}

/** `--device`, the same for all commands that compute. @param before its description */
export function deviceOption(command: Command, before = ""): Option {
  return command
    .createOption(
      "--device <name>",
      `${before}device to compute on; by default the GPU if libtorch can use one`,
    )
    .choices(devices);
}

/** `--checkpoint`, the same for all commands that generate images. @param before its description */
export function checkpointOption(command: Command, before = ""): Option {
  return command
    .createOption("--checkpoint <step|best>", `${before}use a kept checkpoint instead of the newest model`)
    .argParser((text) => {
      if (text === "best" || /^\d+$/.test(text)) return text === "best" ? text : Number(text);
      throw new InvalidArgumentError("Expected the step of a kept checkpoint, or best.");
    });
}

/** Pixels per side of the images that a model can generate: its stages double a power of two from 8 pixels on. */
export const imageSizeChoices = [16, 32, 64, 128, 256, 512] as const;

/** Pixels per side of prepared images: one of `imageSizeChoices`. */
export function imageSize(text: string): number {
  const value = wholeNumber(0)(text);
  if ((imageSizeChoices as readonly number[]).includes(value)) return value;
  const below = imageSizeChoices.findLast((size) => size < value);
  const above = imageSizeChoices.find((size) => size > value);
  const nearest = [below, above].filter((size) => size !== undefined).join(" or ");
  throw new InvalidArgumentError(
    `No model generates images of ${value} pixels: expected ${imageSizeChoices.join(", ")}. The nearest: ${nearest}.`,
  );
}

/** For options that may be given more than once. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}
