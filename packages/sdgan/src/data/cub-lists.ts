import { quote, UserError } from "@sdgan/core";
import { type DataFolder, insidePath } from "./data-folder.js";
import type { Box } from "./dataset.js";

export interface CubImage {
  /** Its path in `images/`. */
  id: string;
  /** `id` without its extension: the name of the caption file, and in AttnGAN's lists. */
  name: string;
  /** Index of its class in `classes`. */
  classId: number;
  /** CUB's number of its class, from 1. */
  classNumber: number;
  box: Box;
}

/**
 * Reads the lists of CUB-200-2011: `classes.txt`, `images.txt`, `image_class_labels.txt` and
 * `bounding_boxes.txt`. Each line is a number and its value. Images are in the order of `images.txt`.
 * Throws a `UserError` when a list is missing or broken, or does not match the others.
 */
export function readCubLists(birds: DataFolder): { classes: string[]; images: CubImage[] } {
  const classes = readNumbered(birds, "classes.txt", "a class's name", (text) => text);
  const ids = readNumbered(birds, "images.txt", "a path inside the folder images", insidePath);
  const labels = readNumbered(birds, "image_class_labels.txt", "the number of a class", (text) =>
    classes.has(Number(text)) ? Number(text) : undefined,
  );
  const boxes = readNumbered(birds, "bounding_boxes.txt", "x, y, width and height in pixels", parseBox);
  const classIds = new Map([...classes.keys()].map((number, classId) => [number, classId]));
  const seen = new Set<string>();
  const images = [...ids].map(([number, id]) => {
    const incomplete = !labels.has(number)
      ? "image_class_labels.txt"
      : boxes.has(number)
        ? ""
        : "bounding_boxes.txt";
    if (incomplete)
      throw new UserError(
        `${birds.at(incomplete)}: has no entry for image ${number}, which images.txt lists`,
        {
          code: "data.invalid",
        },
      );
    if (seen.has(id))
      throw new UserError(`${birds.at("images.txt")}: lists ${quote(id)} twice`, { code: "data.invalid" });
    seen.add(id);
    const classNumber = labels.get(number)!;
    return {
      id,
      name: id.replace(/\.[^./]*$/, ""),
      classId: classIds.get(classNumber)!,
      classNumber,
      box: boxes.get(number)!,
    };
  });
  return { classes: [...classes.values()], images };
}

/** Reads a list whose lines are a number, a space and a text, which `parse` converts. */
function readNumbered<T>(
  birds: DataFolder,
  list: string,
  expected: string,
  parse: (text: string) => T | undefined,
): Map<number, T> {
  const entries = new Map<number, T>();
  for (const [index, line] of birds.readTextList(list).split("\n").entries()) {
    if (line.trim() === "") continue;
    const [, number, text] = /^\s*(\d+)\s+(\S.*?)\s*$/.exec(line) ?? [];
    const value = text === undefined ? undefined : parse(text);
    const at = `${birds.at(list)}:${index + 1}`;
    if (value === undefined)
      throw new UserError(`${at}: ${quote(line.trim())}; expected a number and ${expected}`, {
        code: "data.invalid",
      });
    if (entries.has(Number(number)))
      throw new UserError(`${at}: number ${number} is already in the list`, { code: "data.invalid" });
    entries.set(Number(number), value);
  }
  if (entries.size === 0) throw new UserError(`${birds.at(list)}: is empty`, { code: "data.invalid" });
  return entries;
}

function parseBox(text: string): Box | undefined {
  const numbers = text.split(/\s+/).map(Number);
  const [x, y, width, height] = numbers as [number, number, number, number];
  return numbers.length === 4 && numbers.every(Number.isFinite) && width > 0 && height > 0
    ? { x, y, width, height }
    : undefined;
}
