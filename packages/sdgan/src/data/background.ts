import { UserError } from "@sdgan/core";
import sharp from "sharp";

/**
 * Rejects with a `UserError` unless `colour` is an opaque CSS colour, as the background of images must be:
 * prepared images have no transparency.
 */
export async function checkBackground(colour: string): Promise<void> {
  let alpha: number | undefined;
  try {
    const pixel = sharp({ create: { width: 1, height: 1, channels: 4, background: colour } });
    alpha = (await pixel.raw().toBuffer())[3];
  } catch {
    throw refusal(colour, "is not a CSS colour");
  }
  if (alpha !== 255) throw refusal(colour, "is transparent, and images are stored without transparency");
}

function refusal(colour: string, reason: string): UserError {
  return new UserError(
    `--background: ${JSON.stringify(colour)} ${reason}. Give a colour such as white, "#ff8800" or "rgb(255, 136, 0)"`,
    { code: "usage" },
  );
}
