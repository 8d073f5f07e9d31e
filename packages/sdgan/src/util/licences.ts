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
