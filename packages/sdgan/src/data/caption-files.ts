import { describeImpostor, UserError } from "@sdgan/core";
import { DataFolder } from "./data-folder.js";
import type { Caption } from "./dataset.js";
import { decodeText } from "./decode-text.js";
import type { Remarks } from "./remarks.js";

/** An image's captions, or none and the reason why. */
export interface FoundCaptions {
  captions: Caption[];
  broken?: string;
}

/**
 * Reads a file of captions, one per line, the format of Reed et al. (2016). An unreadable file is not an
 * error here: its image has no captions, and `broken` gives the reason. `remarks` gets a note about a file
 * that is not in UTF-8.
 */
export async function readCaptionFile(
  folder: DataFolder,
  path: string,
  remarks: Remarks | undefined = folder.remarks,
): Promise<FoundCaptions> {
  try {
    const bytes = await folder.read(path, { limit: CAPTION_BYTES });
    return captionLines(captionText(bytes, path, folder.at(path), remarks), folder.at(path));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { captions: [], broken: `its captions: ${error.message}` };
  }
}

/**
 * The text of a caption file. `path` is its name for `remarks`, and `name` the one for messages. Throws a
 * `UserError` when it is something else, such as a Git LFS pointer.
 */
export function captionText(bytes: Buffer, path: string, name: string, remarks?: Remarks): string {
  const impostor = describeImpostor(bytes);
  if (impostor !== undefined) throw new UserError(`${name}: ${impostor}`, { code: "data.invalid" });
  const { text, note } = decodeText(bytes);
  if (text.includes("\0")) throw new UserError(`${name}: is not a text file`, { code: "data.invalid" });
  if (note !== undefined) remarks?.note(path, note);
  return text;
}

/**
 * The captions of a text, one per line, with any kind of line ends. `name` is the file's name, for messages.
 */
export function captionLines(text: string, name: string): FoundCaptions {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines.length === 0) return { captions: [], broken: `its captions: ${name}: is empty` };
  return { captions: lines.map((line) => ({ text: line })) };
}

/** Far above the captions of any image. */
export const CAPTION_BYTES = 2 ** 20;

/**
 * The folder of Reed et al.'s caption files: `text_c10` or, from AttnGAN's archive, `text`, in the first of
 * `places` that has one. If the user gives a folder, `named`, it is that folder, or the `text_c10` or `text`
 * in it. Undefined if there is none. Throws a `UserError` when `named` is not a folder.
 */
export function findCaptionFolder(places: DataFolder[], named?: string): DataFolder | undefined {
  if (named !== undefined) {
    const remedy = "Give the folder of the captions, such as text_c10.";
    const folder = new DataFolder(named, remedy, places[0]?.remarks);
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

/** The error for missing captions: that they are not unpacked, or where to get them. */
export function missingCaptions(path: string, places: DataFolder[]): UserError {
  for (const place of places) {
    const packed = place.list().find(({ name }) => /^text(_c10)?\.(zip|tar|tgz|tar\.gz)$/.test(name));
    if (packed)
      return new UserError(`${place.at(packed.name)}: is not unpacked. Unpack it in the same folder.`, {
        code: "data.invalid",
      });
  }
  return new UserError(
    `${path}: the captions are missing: neither text_c10/ nor text/ is in this folder or next to it. ` +
      "Reed et al.'s captions are published separately from the images: unpack them there, or give their folder with --text.",
    { code: "data.invalid" },
  );
}
