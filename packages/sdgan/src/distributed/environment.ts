/**
 * What a launcher tells a process about its place among processes that work together: torchrun and Kubernetes' PyTorchJob
 * by `RANK` and its companions, Slurm's `srun` by `SLURM_*`, and `--processes` as torchrun does.
 */
import { UserError } from "@sdgan/core/basics";
import { firstHost } from "./slurm-hosts.js";

/** A process's place among those that train one network together. */
export interface Placement {
  /** 0 … worldSize − 1. Process 0 alone writes the run folder. */
  rank: number;
  /** The number of processes, on all machines. */
  worldSize: number;
  /** The number of the process on its machine, by which it chooses its GPU. */
  localRank: number;
  /** Where process 0 can be reached by the others. */
  host: string;
  port: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The placement that the environment describes; undefined if there is none, or only one process.
 *
 * `RANK` and `WORLD_SIZE` win over Slurm's variables, since torchrun may run in a job of Slurm.
 * @throws UserError if a variable is missing or has no meaning
 */
export function placementOf(environment: Environment): Placement | undefined {
  const placement = ofTorch(environment) ?? ofSlurm(environment);
  return placement && placement.worldSize > 1 ? placement : undefined;
}

/**
 * Milliseconds after which an operation that waits for another process fails: `SDGAN_TIMEOUT` in seconds, by default 60.
 * @throws UserError if it is no number above 0
 */
export function timeoutOf(environment: Environment): number {
  const given = environment.SDGAN_TIMEOUT;
  if (!isSet(given)) return 60_000;
  const seconds = Number(given);
  if (seconds > 0 && seconds <= 86_400) return Math.ceil(1000 * seconds);
  throw new UserError(
    `the environment variable SDGAN_TIMEOUT is "${given}": expected seconds, above 0 and at most 86400`,
    { code: "usage" },
  );
}

function ofTorch(environment: Environment): Placement | undefined {
  if (!isSet(environment.WORLD_SIZE) && !isSet(environment.RANK)) return undefined;
  const worldSize = wholeNumber(environment, "WORLD_SIZE", 1);
  const rank = wholeNumber(environment, "RANK", 0, worldSize - 1);
  if (worldSize === 1) return { rank, worldSize, localRank: 0, host: "localhost", port: 0 };
  const port = wholeNumber(environment, "MASTER_PORT", 1, 65_535);
  return {
    ...{ rank, worldSize, host: text(environment, "MASTER_ADDR") },
    localRank: isSet(environment.LOCAL_RANK) ? wholeNumber(environment, "LOCAL_RANK", 0) : 0,
    // torchrun's agent may listen on MASTER_PORT itself, for workers of Python.
    port: environment.TORCHELASTIC_USE_AGENT_STORE === "True" ? nextTo(port) : port,
  };
}

/**
 * Only a task of `srun` is one of several processes. The script of `sbatch`, in which `SLURM_PROCID` is set too, is not: it
 * has no step, and neither has the step of an interactive shell, whose number is out of the range of steps.
 */
function ofSlurm(environment: Environment): Placement | undefined {
  const step = Number(environment.SLURM_STEP_ID ?? environment.SLURM_STEPID ?? Number.NaN);
  if (!(step < firstSpecialStep)) return undefined;
  const tasks = isSet(environment.SLURM_STEP_NUM_TASKS) ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  if (!isSet(environment[tasks])) return undefined;
  const worldSize = wholeNumber(environment, tasks, 1);
  const rank = wholeNumber(environment, "SLURM_PROCID", 0, worldSize - 1);
  if (worldSize === 1) return { rank, worldSize, localRank: 0, host: "localhost", port: 0 };
  const nodes = isSet(environment.SLURM_STEP_NODELIST) ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST";
  const host = isSet(environment.MASTER_ADDR)
    ? text(environment, "MASTER_ADDR")
    : firstHost(nodes, text(environment, nodes));
  // Jobs on one machine have different numbers, and so have steps of one job.
  const port = isSet(environment.MASTER_PORT)
    ? wholeNumber(environment, "MASTER_PORT", 1, 65_535)
    : firstPort + ((wholeNumber(environment, "SLURM_JOB_ID", 0) + 101 * step) % portsOfJobs);
  return { rank, worldSize, localRank: wholeNumber(environment, "SLURM_LOCALID", 0), host, port };
}

/** Numbers from here on are Slurm's own: batch scripts, interactive shells, external processes. */
const firstSpecialStep = 0xff_ff_ff_00;
/** Below the ports that Linux gives to outgoing connections, 32768 …. */
const [firstPort, portsOfJobs] = [20_000, 10_000];

const nextTo = (port: number): number => (port < 65_535 ? port + 1 : port - 1);

const isSet = (value: string | undefined): value is string => value !== undefined && value.trim() !== "";

function text(environment: Environment, name: string): string {
  const value = environment[name];
  if (isSet(value)) return value.trim();
  throw refusal(name, "is not set", "the launcher of several processes sets it");
}

function wholeNumber(environment: Environment, name: string, least: number, most = 2 ** 31 - 1): number {
  const given = text(environment, name);
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= least && value <= most) return value;
  const range = most === 2 ** 31 - 1 ? `of at least ${least}` : `from ${least} to ${most}`;
  throw refusal(name, `is "${given}"`, `expected a whole number ${range}`);
}

function refusal(name: string, found: string, expected: string): UserError {
  return new UserError(
    `the environment variable ${name} ${found}: ${expected}. To use one process, unset RANK and WORLD_SIZE`,
    { code: "usage" },
  );
}
