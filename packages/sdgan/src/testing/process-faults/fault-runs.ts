/** Runs that are disturbed and resumed, and what comes out of them undisturbed. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../distributed/launch.js";
import { SmallRuns } from "../processes.js";
import { codesWithin, endAll, lastLine, type Place, type PlacedProcess, startPlaced } from "./placed.js";

/** Long enough for the slowest machine: a training takes seconds. */
const patience = 300;
const steps = 20;
const settings = [
  "training.batch=12",
  `training.steps=${steps}`,
  "log.checkpointEvery=4",
  "log.sampleEvery=6",
];

export interface Undisturbed {
  /** SHA-256 of model, metrics and last checkpoint. */
  hash: string;
  /** Seconds from the start to the first step, and of a step. */
  start: number;
  step: number;
}

export class FaultRuns implements Disposable {
  readonly #runs: SmallRuns;
  readonly #undisturbed = new Map<number, Undisturbed>();

  private constructor(runs: SmallRuns) {
    this.#runs = runs;
  }

  static async make(): Promise<FaultRuns> {
    return new FaultRuns(await SmallRuns.make());
  }

  get folder(): string {
    return this.#runs.folder;
  }

  /** The arguments that begin the run `name`. */
  begin(name: string): string[] {
    rmSync(this.#runs.path(name), { recursive: true, force: true });
    return this.#runs.begin(name, ...settings);
  }

  /** The arguments that resume it, or begin it if it had not begun. */
  goOn(name: string): string[] {
    return existsSync(join(this.#runs.path(name), "config.yaml"))
      ? this.#runs.resume(name)
      : this.begin(name);
  }

  /** Steps of the run whose metrics are written. */
  stepsOf(name: string): number {
    const file = join(this.#runs.path(name), "metrics.jsonl");
    return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
  }

  /** Waits until the run has metrics of `steps` steps, or one of the processes has ended. */
  async reached(name: string, steps: number, processes: readonly PlacedProcess[]): Promise<void> {
    const live = ({ child }: PlacedProcess) => child.exitCode === null && child.signalCode === null;
    while (processes.every(live) && this.stepsOf(name) < steps) await sleep(2);
  }

  /** SHA-256 of what seed, data, configuration and number of processes determine; undefined if a part is missing. */
  hash(name: string): string | undefined {
    const hash = createHash("sha256");
    const last = `checkpoints/step-${String(steps).padStart(7, "0")}.safetensors`;
    for (const file of ["model.safetensors", "metrics.jsonl", last]) {
      const path = join(this.#runs.path(name), file);
      if (!existsSync(path)) return undefined;
      hash.update(readFileSync(path));
    }
    return hash.digest("hex");
  }

  /** Trains without a disturbance, once for each number of processes. */
  async undisturbed(place: Omit<Place, "port">): Promise<Undisturbed> {
    const { worldSize } = place;
    const known = this.#undisturbed.get(worldSize);
    if (known) return known;
    const name = `whole-${worldSize}`;
    const began = performance.now();
    const processes = startPlaced(this.begin(name), { ...place, port: await freePort() });
    await this.reached(name, 1, processes);
    const start = (performance.now() - began) / 1000;
    await this.reached(name, steps, processes);
    const step = ((performance.now() - began) / 1000 - start) / (steps - 1);
    await requireSuccess(processes);
    const found = { hash: this.hash(name)!, start, step };
    this.#undisturbed.set(worldSize, found);
    return found;
  }

  /** Resumes a run, and tells what is wrong with its outcome; undefined if it is that of an undisturbed run. */
  async faultAfterResume(name: string, place: Omit<Place, "port">): Promise<string | undefined> {
    const processes = startPlaced(this.goOn(name), { ...place, port: await freePort() });
    try {
      await requireSuccess(processes);
    } catch (error) {
      return `does not resume: ${(error as Error).message}`;
    }
    const { hash } = await this.undisturbed(place);
    const found = this.hash(name);
    rmSync(this.#runs.path(name), { recursive: true, force: true });
    return found === hash ? undefined : `resumes to other bytes: ${found}, expected ${hash}`;
  }

  [Symbol.dispose](): void {
    this.#runs[Symbol.dispose]();
  }
}

async function requireSuccess(processes: readonly PlacedProcess[]): Promise<void> {
  const codes = await codesWithin(processes, patience);
  await endAll(processes);
  const failed = processes.find((_, i) => codes[i] !== 0);
  if (failed)
    throw new Error(
      `process ${failed.rank}: code ${codes[failed.rank] ?? "none"}: ${lastLine(failed.stderr()) || "no message"}`,
    );
}

/** Steps of a run. */
export const stepsOfRun = steps;
