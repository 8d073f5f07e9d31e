/** What a run depends on besides its configuration: the prepared data, DAMSM and the weights it began with, each by its SHA-256. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UserError } from "@sdgan/core";
import { z } from "zod";
import { writeFileAtomic } from "../util/atomic-file.js";
import { onDisk } from "../util/system-errors.js";

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

const dependenciesSchema = z.strictObject({
  /** The prepared data, by its `index.json`, which has the hashes of its other files. Absent until the first training on it. */
  data: z.strictObject({ sha256: sha256Schema, folder: z.string() }).optional(),
  /** The file of DAMSM's networks, by its path in the run folder. Absent if the run needs none or has none yet. */
  damsm: z.strictObject({ sha256: sha256Schema, file: z.string() }).optional(),
  /** The files of another run whose weights training began with, where they were then. They are not needed later. */
  from: z.array(z.strictObject({ sha256: sha256Schema, file: z.string() })).optional(),
});

/** Only the hashes are compared. `folder` is where the data was when the run began; it may have been moved since. */
export type Dependencies = z.infer<typeof dependenciesSchema>;

/** The file in a run folder that records them. */
export const dependenciesFile = "dependencies.json";

/** The path of `dependencies.json` in the run folder `run`. */
export function dependenciesPath(run: string): string {
  return join(run, dependenciesFile);
}

/**
 * The recorded dependencies of the run `run`. Imported weights have none yet.
 * @throws UserError if the file is missing or damaged
 */
export function readDependencies(run: string): Dependencies {
  const path = dependenciesPath(run);
  const remedy = "so data and DAMSM cannot be compared with those that the run began with: begin another run";
  if (!existsSync(path))
    throw new UserError(`${path}: there is no such file, ${remedy}`, { code: "file.missing" });
  const text = onDisk(path, () => readFileSync(path, "utf8"));
  const found = parse(text);
  if (found) return found;
  throw new UserError(`${path}: is damaged, ${remedy}`, { code: "file.invalid" });
}

export function writeDependencies(run: string, dependencies: Dependencies): void {
  writeFileAtomic(dependenciesPath(run), `${JSON.stringify(dependencies, undefined, 2)}\n`);
}

/** Whether `run` has a file of that name with another content than dependencies. */
export function isTaken(run: string): boolean {
  const path = dependenciesPath(run);
  return existsSync(path) && !parse(onDisk(path, () => readFileSync(path, "utf8")));
}

/** The hashes as metadata of the files that a run writes. */
export function hashesOf({ data, damsm }: Dependencies): Record<string, string> {
  return { ...(data && { data: data.sha256 }), ...(damsm && { damsm: damsm.sha256 }) };
}

/**
 * Checks that a run is resumed with the data and the DAMSM that it began with. Returns the recorded dependencies, with
 * `found` for those that are not recorded yet, as for imported weights.
 *
 * @param recorded the dependencies in the run folder
 * @param found the present ones
 * @throws UserError with both hashes and their sources if they differ
 */
export function requireSameDependencies(
  run: string,
  recorded: Dependencies,
  found: Dependencies,
): Dependencies {
  const record = dependenciesPath(run);
  if (recorded.data && found.data && recorded.data.sha256 !== found.data.sha256)
    throw new UserError(
      `${found.data.folder}: is not the data that the run began with: its index.json has SHA-256 ` +
        `${short(found.data.sha256)}, and ${record} records ${short(recorded.data.sha256)} of ${recorded.data.folder}: ` +
        "give that data, prepared in the same way, or begin another run",
      { code: "data.mismatch" },
    );
  if (recorded.damsm && found.damsm && recorded.damsm.sha256 !== found.damsm.sha256)
    throw new UserError(
      `${join(run, found.damsm.file)}: is not the DAMSM that the run began with: it has SHA-256 ` +
        `${short(found.damsm.sha256)}, and ${record} records ${short(recorded.damsm.sha256)}: ` +
        "restore that DAMSM, or begin another run",
      { code: "checkpoint.mismatch" },
    );
  return { ...found, ...recorded };
}

/**
 * Checks that a checkpoint was written with the data and the DAMSM of its run.
 *
 * @param metadata the file's metadata, with `hashesOf` the run that wrote it
 * @throws Error with both hashes and their sources if they differ
 */
export function requireOfRun(
  file: string,
  metadata: Readonly<Record<string, string>>,
  run: Dependencies,
): void {
  const record = join(basename(dirname(dirname(file))), dependenciesFile);
  for (const [name, expected] of Object.entries(hashesOf(run))) {
    const found = metadata[name];
    if (found !== undefined && found !== expected)
      throw new Error(
        `was written by a run whose ${name === "data" ? "data" : "DAMSM"} has SHA-256 ${short(found)}, ` +
          `and ${record} records ${short(expected)}`,
      );
  }
}

/** The first digits of a SHA-256, enough to distinguish two. */
export function short(sha256: string): string {
  return sha256.slice(0, 12);
}

function parse(text: string): Dependencies | undefined {
  try {
    return dependenciesSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
