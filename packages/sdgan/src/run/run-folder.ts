import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, UserError } from "@sdgan/core";
import { formatConfig, loadConfig } from "../config/load.js";
import { removeLeftovers, writeFileAtomic } from "../util/atomic-file.js";
import { isLocked, takeLock } from "../util/lock.js";
import { ensureFolder, onDisk } from "../util/system-errors.js";
import {
  type Dependencies,
  dependenciesPath,
  isTaken,
  readDependencies,
  writeDependencies,
} from "./dependencies.js";

/** A run folder, which has all that is needed to resume or reproduce the run. All fields except `config` are paths. */
export interface RunFolder {
  path: string;
  /** The resolved configuration, from `config.yaml`, which is written once. Its presence makes the folder a run. */
  config: Config;
  /** `vocabulary.json`, as it was when the run began. */
  vocabulary: string;
  /** `dependencies.json`: the hashes of the data and of the DAMSM that the run began with. */
  dependencies: string;
  /** `metrics.jsonl`; TensorBoard's event files are in the same folder. */
  metrics: string;
  /** `samples/`: grids of images generated during training. */
  samples: string;
  /** `checkpoints/` */
  checkpoints: string;
}

/** A run folder that only this process may write to, until it is disposed of. */
export interface ActiveRun extends RunFolder, Disposable {
  /** The content of `dependencies`. */
  dependsOn: Dependencies;
}

/**
 * Begins a run in `path`: creates the folder, takes its lock, and writes the configuration, the vocabulary (the text of
 * `vocabulary.json`) and the dependencies.
 * @param addFiles writes what else the run cannot be resumed without
 * @throws UserError if `path` holds a run or files that a run would overwrite, or cannot be written.
 */
export function startRun(
  path: string,
  config: Config,
  vocabulary: string,
  dependsOn: Dependencies = {},
  addFiles?: () => void,
): ActiveRun {
  if (existsSync(join(path, "config.yaml")))
    throw new UserError(`${path}: ${alreadyThere}`, { code: "file.exists" });
  onDisk(path, () => ensureFolder(path));
  return locked(path, () => {
    const paths = pathsOf(path);
    refuseToOverwrite(path, paths, vocabulary);
    for (const folder of [paths.samples, paths.checkpoints]) onDisk(folder, () => ensureFolder(folder));
    writeFileAtomic(paths.vocabulary, vocabulary);
    writeDependencies(path, dependsOn);
    addFiles?.();
    writeFileAtomic(paths.config, formatConfig(config)); // Last, since this file makes the folder a run.
    return { ...paths, config, dependsOn };
  });
}

/**
 * Resumes the run in `path`: takes its lock and removes temporary files of killed processes.
 * @throws UserError if there is no run, its dependencies are not recorded, or another process is training in it.
 */
export function resumeRun(path: string): ActiveRun {
  const run = openRun(path);
  return locked(path, () => {
    for (const folder of [path, run.samples, run.checkpoints])
      onDisk(folder, () => {
        ensureFolder(folder);
        removeLeftovers(folder);
      });
    return { ...run, dependsOn: readDependencies(path) };
  });
}

/**
 * The run in `path`, for reading.
 * @throws UserError if there is none, or its configuration is not valid.
 */
export function openRun(path: string): RunFolder {
  const paths = pathsOf(path);
  if (!existsSync(paths.config))
    throw new UserError(`${path}: holds no run: config.yaml is missing`, { code: "file.missing" });
  return { ...paths, config: loadConfig(paths.config) };
}

/** Whether `path` holds a run. */
export function holdsRun(path: string): boolean {
  return existsSync(pathsOf(path).config);
}

/** The steps for which the DAMSM of the run in `path` is trained; undefined if its configuration cannot be read. */
export function damsmSteps(path: string): number | undefined {
  try {
    return openRun(path).config.damsm.steps;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Whether a program is training in `path`. */
export function isInUse(path: string): boolean {
  return isLocked(lockOf(path));
}

const alreadyThere = "already holds a run: continue it with --resume, or use another --run";

type Paths = { [Key in keyof RunFolder]: string };

function lockOf(path: string): string {
  return join(path, "lock");
}

function pathsOf(path: string): Paths {
  return {
    path,
    config: join(path, "config.yaml"),
    vocabulary: join(path, "vocabulary.json"),
    dependencies: dependenciesPath(path),
    metrics: join(path, "metrics.jsonl"),
    samples: join(path, "samples"),
    checkpoints: join(path, "checkpoints"),
  };
}

/** Does `begin` under the run's lock, which is released if it fails. */
function locked(path: string, begin: () => Omit<ActiveRun, typeof Symbol.dispose>): ActiveRun {
  const release = takeLock(lockOf(path));
  try {
    return { ...begin(), [Symbol.dispose]: release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Refuses files that an interrupted start does not leave: it leaves the same vocabulary, dependencies and empty folders. */
function refuseToOverwrite(path: string, paths: Paths, vocabulary: string): void {
  if (existsSync(paths.config)) throw new UserError(`${path}: ${alreadyThere}`, { code: "file.exists" });
  const taken = [
    existsSync(paths.vocabulary) && readFileSync(paths.vocabulary, "utf8") !== vocabulary && paths.vocabulary,
    isTaken(path) && paths.dependencies,
    existsSync(paths.metrics) && paths.metrics,
    ...[paths.samples, paths.checkpoints].map((folder) => hasFiles(folder) && folder),
  ].find(Boolean);
  if (taken)
    throw new UserError(`${path}: a run would overwrite ${taken}: use another --run`, {
      code: "file.exists",
    });
}

function hasFiles(folder: string): boolean {
  return existsSync(folder) && onDisk(folder, () => readdirSync(folder).length > 0);
}
