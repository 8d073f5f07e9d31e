/** Run folders of trainings, as far as they can be watched: metrics and samples. */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { isDamsm, runOf } from "./run-steps.js";

export interface RunFolders {
  /** Folders of runs. */
  runs: readonly string[];
  /** Folders whose sub-folders are runs. */
  folders: readonly string[];
  /**
   * Reads a run's configuration: for how many steps its DAMSM is to be trained. The rules of a run's files are those of the
   * program that trains. Without this function, or where it returns undefined, the steps are not known.
   */
  damsmSteps?(folder: string): number | undefined;
}

/** A line of `metrics.jsonl`. */
export type Metrics = { step: number } & Record<string, number | null>;

/**
 * The runs in given folders. They are found by ids, which are looked up among the folders that exist: an id is never a
 * part of a path.
 */
export class Runs {
  readonly #given: RunFolders;
  /** By the absolute path of the run. */
  readonly #ids = new Map<string, string>();
  readonly #taken = new Set<string>();

  constructor(given: RunFolders) {
    this.#given = given;
  }

  /**
   * Id → folder; the training of a run's DAMSM has an id of its own, `NAME/damsm`. A run keeps its id while the server runs,
   * also when another of its name appears.
   * @param started folders of trainings that the server has started, which may have no files yet
   */
  async list(started: readonly string[] = []): Promise<Map<string, string>> {
    const isStarted = new Set(started);
    const exists = async (folder: string) =>
      isStarted.has(resolve(folder)) || (await isFile(join(folder, "config.yaml")));
    const found = new Map<string, string>();
    for (const [path, folder] of await this.#candidates(started.map(runOf))) {
      const damsm = join(folder, "damsm");
      const [isRun, hasDamsm] = await Promise.all([folder, damsm].map(exists));
      if (!isRun && !hasDamsm) continue;
      const id = this.#idOf(path);
      if (isRun) found.set(id, folder);
      if (hasDamsm) found.set(`${id}/damsm`, damsm);
    }
    return found;
  }

  /** Absolute path → folder, as it was given, of all that may be runs. */
  async #candidates(started: readonly string[]): Promise<Map<string, string>> {
    const nested = await Promise.all(
      this.#given.folders.map(async (folder) => {
        const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
        return entries
          .filter((entry) => entry.isDirectory())
          .slice(0, MOST_RUNS)
          .map(({ name }) => join(folder, name));
      }),
    );
    const all = [...this.#given.runs, ...nested.flat().sort(), ...started];
    return new Map(all.map((folder) => [resolve(folder), folder]));
  }

  #idOf(path: string): string {
    const known = this.#ids.get(path);
    if (known !== undefined) return known;
    const name = basename(path);
    let id = name;
    for (let i = 2; this.#taken.has(id); i++) id = `${name}-${i}`;
    this.#ids.set(path, id);
    this.#taken.add(id);
    return id;
  }

  /** The metrics of steps after `since`, of which there may be more, and the steps of all samples. */
  async read(
    folder: string,
    since: number,
  ): Promise<{ metrics: Metrics[]; more: boolean; samples: number[] }> {
    return { ...(await metricsOf(join(folder, "metrics.jsonl"), since)), samples: await samplesOf(folder) };
  }

  /** The steps for which the DAMSM in a folder is to be trained; undefined for other folders. */
  damsmSteps(folder: string): number | undefined {
    return isDamsm(folder) ? this.#given.damsmSteps?.(folder) : undefined;
  }

  /** The file with the samples after `step`, if the run has it. */
  async sample(folder: string, step: number): Promise<string | undefined> {
    const steps = await samplesOf(folder);
    return steps.includes(step) ? join(folder, "samples", fileOf(step)) : undefined;
  }
}

const MOST_RUNS = 1000;

/** Characters of lines in an answer: writing 5 MiB as JSON would block the server for 40 ms. */
const MOST_IN_ANSWER = 2 ** 20;

/** Longer lines are not of a training. */
const MOST_CHARACTERS = 2 ** 16;

/** Lines of steps after `since`, read in parts, so that a long file does not block the server. */
async function metricsOf(path: string, since: number): Promise<{ metrics: Metrics[]; more: boolean }> {
  if (!(await isFile(path))) return { metrics: [], more: false };
  const lines: Metrics[] = [];
  let length = 0;
  const input = createReadStream(path, "utf8");
  input.on("error", () => {});
  for await (const line of createInterface({ input })) {
    const metrics = line.length <= MOST_CHARACTERS ? parse(line, since) : undefined;
    if (!metrics) continue;
    lines.push(metrics);
    length += line.length;
    if (length >= MOST_IN_ANSWER) break;
  }
  input.destroy();
  return { metrics: lines, more: length >= MOST_IN_ANSWER };
}

function parse(line: string, since: number): Metrics | undefined {
  // Most lines of a long file are old: their step is read without the rest.
  const step = /^\{"step":(\d+)[,}]/.exec(line)?.[1];
  if (step === undefined || Number(step) <= since) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // A last line that is being written.
  }
}

async function samplesOf(folder: string): Promise<number[]> {
  const names = await readdir(join(folder, "samples")).catch(() => []);
  return names
    .map((name) => Number(/^step-(\d{7})\.png$/.exec(name)?.[1] ?? Number.NaN))
    .filter((step) => step >= 0)
    .sort((a, b) => a - b);
}

function fileOf(step: number): string {
  return `step-${String(step).padStart(7, "0")}.png`;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
