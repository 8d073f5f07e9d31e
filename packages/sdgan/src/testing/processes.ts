/** For tests: a small run that several processes train. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../distributed/launch.js";
import type { Ended } from "./cli.js";
import { CommandHost } from "./command-host.js";
import { tinyConfig } from "./tiny.js";

export type Metrics = Record<string, number>;

/** A folder with drawn birds of 16 pixels, a configuration of 20 steps of 8 pairs, and a DAMSM. */
export class SmallRuns implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "sdgan-processes-"));
  readonly config = join(this.folder, "tiny.yaml");
  readonly data = join(this.folder, "data");
  /** Processes that are started once, each for one rank of the trainings of `train`. */
  readonly #hosts: CommandHost[] = [];

  static async make(): Promise<SmallRuns> {
    const runs = new SmallRuns();
    const { config, data, folder } = runs;
    const longer = tinyConfig
      .replace("training: { batch: 4, steps: 8", "training: { batch: 8, steps: 20")
      .replace("sampleEvery: 5, checkpointEvery: 3", "sampleEvery: 50, checkpointEvery: 5");
    writeFileSync(config, longer);
    const birds = ["prepare", "birds", "--species", "20", "--images", "4", "--size", "16", "--out", data];
    const damsm = ["train", "damsm", "--data", data, "--run", join(folder, "damsm"), "--config", config];
    for (const args of [birds, damsm]) {
      const { code, stderr } = await runs.train(1, args);
      if (code !== 0) throw new Error(stderr);
    }
    return runs;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The arguments that begin the run `name`. */
  begin(name: string, ...set: string[]): string[] {
    cpSync(join(this.folder, "damsm", "damsm"), join(this.path(name), "damsm"), { recursive: true });
    const options = ["--data", this.data, "--run", this.path(name), "--config", this.config];
    return ["train", "gan", ...options, ...set.flatMap((one) => ["--set", one])];
  }

  /** The arguments that resume it. */
  resume(name: string): string[] {
    return ["train", "gan", "--data", this.data, "--run", this.path(name), "--resume"];
  }

  /**
   * Runs `sdgan ARGS` in several processes, with the variables of a launcher. Returns the end of process 0, or of the first
   * one that failed.
   */
  async train(processes: number, args: string[]): Promise<Ended> {
    while (this.#hosts.length < processes) this.#hosts.push(new CommandHost());
    if (processes === 1) return this.#hosts[0]!.sdgan(...args);
    const port = String(await freePort());
    const all = { WORLD_SIZE: String(processes), MASTER_ADDR: "127.0.0.1", MASTER_PORT: port };
    const ends = await Promise.all(
      this.#hosts
        .slice(0, processes)
        .map((host, rank) => host.sdganIn({ ...all, RANK: String(rank), LOCAL_RANK: String(rank) }, ...args)),
    );
    return ends.find(({ code }) => code !== 0) ?? ends[0]!;
  }

  /** The lines of its metrics. */
  metrics(name: string): Metrics[] {
    const text = readFileSync(join(this.path(name), "metrics.jsonl"), "utf8").trimEnd();
    return text.split("\n").map((line) => JSON.parse(line) as Metrics);
  }

  /** The bytes of all its files that seed, data, configuration and number of processes determine. */
  outcome(name: string): Record<string, string> {
    const files = ["metrics.jsonl", "model.safetensors", "checkpoints/step-0000020.safetensors"];
    return Object.fromEntries(
      files.map((file) => [file, readFileSync(join(this.path(name), file), "base64")]),
    );
  }

  [Symbol.dispose](): void {
    for (const host of this.#hosts) host[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The largest difference between two runs' metrics, relative to 1 or to the metric, if that is larger. */
export function largestDifference(a: Metrics[], b: Metrics[]): { difference: number; at: string } {
  let largest = { difference: a.length === b.length ? 0 : Number.POSITIVE_INFINITY, at: "number of lines" };
  for (const [i, line] of a.entries()) {
    const other = b[i] ?? {};
    for (const name of new Set([...Object.keys(line), ...Object.keys(other)])) {
      const [x, y] = [line[name] ?? Number.NaN, other[name] ?? Number.NaN];
      const difference = Object.is(x, y) ? 0 : Math.abs(x - y) / Math.max(1, Math.abs(x));
      if (!(difference <= largest.difference)) largest = { difference, at: `${name} in line ${i + 1}` };
    }
  }
  return largest;
}
