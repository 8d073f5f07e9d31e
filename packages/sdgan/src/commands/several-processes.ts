/** What the commands share that several processes can carry out: started by `--processes`, or by a launcher. */
import { availableParallelism } from "node:os";
import type { Command, Option } from "commander";
import type { Device } from "../compute/device.js";
import { type Placement, timeoutOf } from "../distributed/environment.js";
import { launch } from "../distributed/launch.js";
import type { Processes } from "../distributed/processes.js";
import { UsageError } from "./errors.js";
import { ignoresHangup } from "./hangup.js";
import { wholeNumber } from "./options.js";

/** `--processes`. @param description after "in this many processes of this machine" */
export function processesOption(command: Command, verb: string, description: string): Option {
  return command
    .createOption(
      "--processes <count>",
      `${verb} in this many processes of this machine, which share ${description} and the threads`,
    )
    .argParser(wholeNumber(1, 1024));
}

/** Runs this command in several processes of this machine. */
export async function launchAll(
  { processes, threads }: { processes: number; threads?: number | undefined },
  placement: Placement | undefined,
): Promise<void> {
  if (placement)
    throw new UsageError(
      `--processes starts ${processes} processes, and the environment describes one of ${placement.worldSize} already ` +
        "(WORLD_SIZE or Slurm's tasks): leave --processes out",
    );
  const each = Math.max(1, Math.floor((threads ?? availableParallelism()) / processes));
  process.exitCode = await launch({
    processes,
    args: [...withoutOptions(process.argv.slice(2), ["--processes", "--threads"]), "--threads", String(each)],
    hangup: !ignoresHangup(),
    say: (line) => console.error(line),
  });
}

/** Arguments without these options and their values. */
function withoutOptions(args: readonly string[], names: readonly string[]): string[] {
  return args.filter(
    (arg, i) =>
      !names.some((name) => arg === name || arg.startsWith(`${name}=`)) && !names.includes(args[i - 1] ?? ""),
  );
}

/** Each process of a machine uses one GPU. Must be called before libtorch is loaded. */
export function chooseGpu({ localRank }: Placement): void {
  const visible = process.env.CUDA_VISIBLE_DEVICES?.split(",");
  if (visible && visible.length <= 1) return; // The launcher has chosen.
  process.env.CUDA_VISIBLE_DEVICES = visible ? (visible[localRank] ?? "-1") : String(localRank);
}

/**
 * Does `work` as one of the processes that the placement describes; without one, alone. Called after libtorch is loaded.
 * @throws ProcessLost
 */
export async function together<Result>(
  placement: Placement | undefined,
  device: Device | undefined,
  work: (processes: Processes | undefined) => Promise<Result>,
): Promise<Result> {
  if (!placement) return work(undefined);
  const { asProcessLost, joinProcesses } = await import("../distributed/join.js");
  const processes = await joinProcesses(placement, { device, timeoutMs: timeoutOf(process.env) });
  const result = await asProcessLost(processes, () => work(processes));
  await processes.leave();
  return result;
}
