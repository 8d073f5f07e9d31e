import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Box } from "../data/dataset.js";

/**
 * For tests: writes CUB's four lists into `folder`, with CR LF, for `images` (paths in `images/`) of the
 * classes `names`.
 */
export function writeCubLists(folder: string, names: string[], images: { id: string; box: Box }[]): void {
  const list = (file: string, lines: (string | number)[]) =>
    writeFileSync(join(folder, file), lines.map((line, i) => `${i + 1} ${line}\r\n`).join(""));
  mkdirSync(folder, { recursive: true });
  list("classes.txt", names);
  list("images.txt", images.map(({ id }) => id)); // biome-ignore format: short
  list("image_class_labels.txt", images.map(({ id }) => names.indexOf(id.split("/")[0]!) + 1)); // biome-ignore format: short
  list("bounding_boxes.txt", images.map(({ box: { x, y, width, height } }) => [x, y, width, height].map((n) => n.toFixed(1)).join(" "))); // biome-ignore format: short
}
