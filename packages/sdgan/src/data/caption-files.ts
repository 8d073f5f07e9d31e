import { UserError } from "@sdgan/core";
import { DataFolder } from "./data-folder.js";
import type { Caption } from "./dataset.js";

/** An image's captions, or none and the reason. */
export interface FoundCaptions {
  captions: Caption[];
  broken?: string;
}

/**
 * A file of captions, one a line, as Reed et al. (2016) published theirs. What cannot be read is no error here:
 * it is one image that has no captions.
 */
export async function readCaptionFile(folder: DataFolder, path: string): Promise<FoundCaptions> {
  try {
    const text = (await folder.read(path, { limit: CAPTION_BYTES })).toString("utf8");
    return captionLines(text, folder.at(path));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { captions: [], broken: `its captions: ${error.message}` };
  }
}

/** The captions of a text, one a line, whatever its line ends are. `name` is the text's, for the reason. */
export function captionLines(text: string, name: string): FoundCaptions {
  if (text.includes("\0")) return { captions: [], broken: `its captions: ${name}: is no text` };
  const lines = text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines.length === 0) return { captions: [], broken: `its captions: ${name}: is empty` };
  return { captions: lines.map((line) => ({ text: line })) };
}

/** Nobody says so much of one image. */
export const CAPTION_BYTES = 2 ** 20;

/**
 * The folder of Reed et al.'s caption files, which people unpack into the data set's folder or beside it, as
 * `text_c10` or, in AttnGAN's archive, `text`; or the one that the user names, or that is in there.
 * Undefined where there is none. Throws a `UserError` when the named one has none.
 */
export function findCaptionFolder(places: DataFolder[], named?: string): DataFolder | undefined {
  if (named !== undefined) {
    const folder = new DataFolder(named, "Give the folder of the captions, such as text_c10.");
    return inFolder(folder) ?? folder;
  }
  for (const place of places) {
    const found = inFolder(place);
    if (found) return found;
  }
  return undefined;
}

function inFolder(folder: DataFolder): DataFolder | undefined {
  return folder.folder("text_c10") ?? folder.folder("text");
}

/** What to say where no captions are: that they are still packed, or where to get them. */
export function missingCaptions(path: string, places: DataFolder[]): UserError {
  for (const place of places) {
    const packed = place.list().find(({ name }) => /^text(_c10)?\.(zip|tar|tgz|tar\.gz)$/.test(name));
    if (packed)
      return new UserError(`${place.at(packed.name)}: is still packed. Unpack it where it is.`, {
        code: "data.invalid",
      });
  }
  return new UserError(
    `${path}: the captions are missing: neither text_c10/ nor text/ is there or beside it. ` +
      "Reed et al.'s captions are published apart from the images: unpack them there, or name their folder with --text.",
    { code: "data.invalid" },
  );
}
