/** Trainings that the server starts, each a process of `sdgan train`. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { quote, visible } from "@sdgan/core";
import { z } from "zod";
import { ApiError } from "./errors.js";
import { giveWay } from "./priority.js";
import { dataOf, isDamsm, isUsed, PARTS, runOf } from "./run-steps.js";

export interface TrainingOptions {
  /** The file of the program `sdgan`. */
  program: string;
  /** Where new run folders are made. */
  folder: string;
  /** Whether a program is training in a folder: the program that trains has the rules of its locks. */
  isInUse(folder: string): boolean;
}

/** The body of `POST /api/runs`. A run is a name, never a path; the data is a prepared folder on this machine. */
export const trainingRequest = z.strictObject({
  task: z.enum(["damsm", "gan"]),
  config: z.string().regex(/^[a-z0-9][a-z0-9-]{0,60}$/, { error: "expected the name of a preset" }),
  data: z.string().min(1).max(1000),
  run: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{0,99}$/, { error: "expected a name without folders" })
    .refine((name) => !PARTS.includes(name), {
      error: `expected another name: ${PARTS.join(", ")} are names of folders in a run's folder`,
    }),
  minutes: z.number().positive().max(1_000_000).optional(),
});

/** What is known of a training beside its files. */
export interface TrainingStatus {
  state: "running" | "finished" | "stopped";
  step?: number;
  steps?: number;
  secondsLeft?: number;
  /** Bytes that are resident (Linux). */
  memory?: number;
  /** Lines that the program printed as warnings, and its last line if it failed. */
  warnings: string[];
}

interface Training {
  child: ChildProcess;
  status: TrainingStatus;
}

export class Trainings {
  readonly #options: TrainingOptions;
  /** By the folder of the run, or of its DAMSM. */
  readonly #trainings = new Map<string, Training>();

  constructor(options: TrainingOptions) {
    this.#options = options;
  }

  /**
   * @returns the absolute path of the run, or of its DAMSM, as `resume` and `trainGan` do
   * @throws ApiError 409 if the run is being trained, or for a GAN if its DAMSM is
   */
  async start({ task, config, data, run, minutes }: z.output<typeof trainingRequest>): Promise<string> {
    const more = minutes === undefined ? [] : [`--minutes=${minutes}`];
    const folder = join(this.#options.folder, run);
    if (task === "gan" && this.#isTraining(join(folder, "damsm")))
      throw refusal(`The DAMSM of the run ${quote(run)} is being trained; the GAN can begin after that.`);
    return this.#spawn(task, folder, [`--data=${data}`, `--config=${config}`, ...more]);
  }

  /**
   * Continues from the newest checkpoint, with the data that the run names.
   * @param folder of the run, or of its DAMSM
   * @throws ApiError 409 if it is being trained, does not say with which data, or is a DAMSM's whose GAN has begun
   */
  async resume(folder: string): Promise<string> {
    // With another DAMSM than it began with, the GAN could not be resumed.
    if (isDamsm(folder) && ((await isUsed(folder)) || this.#runs(runOf(folder))))
      throw refusal(
        "The GAN of this run has begun with this DAMSM, which may not change now: train the GAN on, or begin a run with another name.",
      );
    const data = await dataOf(folder);
    return this.#spawn(isDamsm(folder) ? "damsm" : "gan", runOf(folder), [`--data=${data}`, "--resume"]);
  }

  /**
   * Trains the GAN of a run, with the configuration and the data of its DAMSM.
   * @param folder of the run's DAMSM
   * @throws ApiError 409 if it is not a DAMSM's, is being trained, or does not say with which data
   */
  async trainGan(folder: string): Promise<string> {
    if (!isDamsm(folder) || this.#isTraining(folder))
      throw refusal("Expected the run of a DAMSM whose training has ended.");
    const data = await dataOf(folder);
    return this.#spawn("gan", runOf(folder), [`--data=${data}`, `--config=${join(folder, "config.yaml")}`]);
  }

  /**
   * Ends a training after its step, with its state saved.
   * @throws ApiError 409 if this server has not started it, or it has ended
   */
  stop(folder: string): void {
    const training = this.#trainings.get(resolve(folder));
    if (training?.status.state !== "running") throw refusal("This server runs no training of this run.");
    training.child.kill("SIGTERM");
  }

  /** The absolute paths of all runs and DAMSMs that were started: one that failed early has no files. */
  folders(): string[] {
    return [...this.#trainings.keys()];
  }

  /** Undefined for runs that this server has not trained. */
  async status(folder: string): Promise<TrainingStatus | undefined> {
    const training = this.#trainings.get(resolve(folder));
    if (training?.status.state !== "running") return training?.status;
    const memory = await memoryOf(training.child.pid);
    return { ...training.status, ...(memory !== undefined && { memory }) };
  }

  /** Ends all trainings, with their states saved, and waits for them. */
  async end(): Promise<void> {
    const running = [...this.#trainings.values()].filter(({ status }) => status.state === "running");
    await Promise.all(
      running.map(({ child }) => {
        const closed = new Promise((done) => child.once("close", done));
        child.kill("SIGTERM");
        return closed;
      }),
    );
  }

  /** Whether this server is training in a folder. */
  #runs(folder: string): boolean {
    return this.#trainings.get(resolve(folder))?.status.state === "running";
  }

  /** Whether this server or another program is training in a folder. */
  #isTraining(folder: string): boolean {
    return this.#runs(folder) || this.#options.isInUse(folder);
  }

  #spawn(task: "damsm" | "gan", run: string, args: readonly string[]): string {
    const folder = resolve(task === "damsm" ? join(run, "damsm") : run);
    if (this.#runs(folder)) throw refusal(`The run ${quote(run)} is being trained.`);
    // With the channel, the training ends in order when the server is killed.
    const child = spawn(process.execPath, [this.#options.program, "train", task, `--run=${run}`, ...args], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    giveWay(child.pid);
    const status: TrainingStatus = { state: "running", warnings: [] };
    this.#trainings.set(folder, { child, status });
    let last = "";
    let rest = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split(/[\r\n]+/);
      rest = (lines.pop() ?? "").slice(-MOST_CHARACTERS);
      for (const line of lines) {
        if (line.trim() !== "") last = line;
        Object.assign(status, progressIn(line));
        const warning = /^(?:.*\s)?Warning: (.+)/.exec(line)?.[1];
        if (warning)
          status.warnings = [...status.warnings, visible(warning).slice(0, 500)].slice(-MOST_WARNINGS);
      }
    });
    const end = (state: TrainingStatus["state"], problem?: string) => {
      status.state = state;
      delete status.secondsLeft;
      if (problem) status.warnings = [...status.warnings, visible(problem).slice(0, 500)];
    };
    child.once("error", ({ message }) => end("stopped", message));
    child.once("close", (code) => {
      if (code === 0) end("finished");
      else end("stopped", code === 143 ? undefined : rest.trim() || last);
    });
    return folder;
  }
}

const MOST_WARNINGS = 50;
const MOST_CHARACTERS = 10_000;

/** Steps and time left ("45 s", "3:07 min", "6:47 h") in a line such as `gan  [##...]   13 %  2619/20000  22.7 images/s  6:47 h left  …`. */
export function progressIn(line: string): Pick<TrainingStatus, "step" | "steps" | "secondsLeft"> {
  const [, step, steps] = / (\d+)\/(\d+)(?= )/.exec(line) ?? [];
  const [, first, second, unit] = / (\d+)(?::(\d\d))? (s|min|h) left\b/.exec(line) ?? [];
  const seconds = { s: 1, min: 60, h: 3600 }[unit ?? "s"]! * Number(first);
  return {
    ...(step && { step: Number(step), steps: Number(steps) }),
    ...(unit && { secondsLeft: seconds + (unit === "h" ? 60 : 1) * Number(second ?? 0) }),
  };
}

function refusal(message: string): ApiError {
  return new ApiError(409, message, { code: "invalid_request" });
}

async function memoryOf(pid: number | undefined): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(text)?.[1];
  return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
}
