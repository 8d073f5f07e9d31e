import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "./atomic-file.js";
import { onDisk } from "./system-errors.js";

/** The file with the authors and licences of the data, in prepared folders, run folders and exports. */
export const licencesFile = "LICENSES.txt";

/** Copies the licences of the data from one of these folders to another, if there are any: they go with what is published. */
export function copyLicences(from: string, to: string): void {
  const path = join(from, licencesFile);
  if (existsSync(path))
    writeFileAtomic(
      join(to, licencesFile),
      onDisk(path, () => readFileSync(path, "utf8")),
    );
}

/**
 * Writes into `to` the licences of the data in `data` and, after them, those of the run `start` whose weights the training
 * in `to` begins with: they go with what is trained on from there.
 */
export function joinLicences(data: string, start: string, to: string): void {
  const [own, theirs] = [data, start].map((folder) => {
    const path = join(folder, licencesFile);
    return existsSync(path) ? onDisk(path, () => readFileSync(path, "utf8")) : undefined;
  });
  const texts = [own, theirs === own ? undefined : theirs && `${trainedBefore}\n\n${theirs}`];
  const present = texts.filter((text) => text !== undefined);
  if (present.length > 0) writeFileAtomic(join(to, licencesFile), present.join("\n\n"));
}

const trainedBefore = "The weights that the training began with were trained on other data:";
