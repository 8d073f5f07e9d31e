/** Makes this process one of several that train together. */
import { cudaIsAvailable } from "@sdgan/torch";
import { initProcessGroup, ProcessGroupError } from "@sdgan/torch/distributed";
import type { Placement } from "./environment.js";
import { Hub, type HubAddress, Meetings } from "./meetings.js";
import { ProcessLost } from "./process-lost.js";
import { Processes } from "./processes.js";

export interface JoinOptions {
  /** The device of the networks; by default the GPU if there is one. */
  device?: "cpu" | "cuda" | undefined;
  /** Milliseconds after which an operation that waits for another process fails; by default a minute. */
  timeoutMs?: number | undefined;
  /** Milliseconds that the others have to start; by default ten times as many. */
  startMs?: number | undefined;
}

/**
 * Waits for all processes, and connects them: gloo between processors, NCCL between GPUs.
 * @throws ProcessLost if a process does not come or cannot be reached
 */
export function joinProcesses(
  { rank, worldSize, host, port }: Placement,
  { device, timeoutMs = 60_000, startMs = 10 * timeoutMs }: JoinOptions = {},
): Promise<Processes> {
  return asProcessLost({ rank }, async () => {
    const common = { rank, worldSize };
    const store = (prefix: string, server: boolean) =>
      ({ kind: "tcp", host, port, prefix, ...(!server && { server }) }) as const;
    // Processes may start long after each other: their machines may be allotted one by one.
    const early = await initProcessGroup({
      ...{ ...common, backend: "gloo", store: store("start", true), timeoutMs: startMs },
    });
    const control = await initProcessGroup({
      ...{ ...common, backend: "gloo", store: store("control", false), timeoutMs },
    });
    const usesGpu = (device ?? (cudaIsAvailable() ? "cuda" : "cpu")) === "cuda";
    const data = usesGpu
      ? await initProcessGroup({ ...common, backend: "nccl", store: store("data", false), timeoutMs })
      : control;
    const hub =
      rank === 0
        ? await Hub.open({ worldSize, timeoutMs, host: isLocal(host) ? host : undefined })
        : undefined;
    const nobody = { meet: async () => {}, leave: () => {}, requireNoneLost: () => {} };
    const connecting = new Processes({ control, data, meetings: nobody });
    const address = connecting.fromFirst<HubAddress>(hub?.address);
    const meetings = await Meetings.join({ ...{ ...address, host, rank, timeoutMs } });
    return new Processes({ ...{ control, data, meetings }, others: [early], hub });
  });
}

/**
 * Runs a part of training, and turns the errors of lost processes into one that names the first of them.
 * @throws ProcessLost
 */
export async function asProcessLost<Result>(
  processes: Pick<Processes, "rank"> & Partial<Pick<Processes, "requireAlive">>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw lossOf(error, processes) ?? error;
  }
}

function lossOf(
  error: unknown,
  { rank, requireAlive }: Pick<Processes, "rank"> & Partial<Pick<Processes, "requireAlive">>,
): ProcessLost | undefined {
  if (error instanceof ProcessGroupError) {
    const [first] = error.suspects;
    return first === undefined
      ? new ProcessLost({ rank, how: error.message.replace(/\.$/, ""), cause: error })
      : new ProcessLost({ rank, lost: first, how: silence(error), cause: error });
  }
  // A sum over processes inside of a network or its gradient.
  if (!requireAlive || !String(error).includes("the sum over ranks failed")) return undefined;
  try {
    requireAlive();
  } catch (cause) {
    return lossOf(cause, { rank });
  }
  return undefined;
}

/** What is known of processes that gave no answer. */
function silence({ operation, message, suspects }: ProcessGroupError): string {
  const [, ...more] = suspects;
  const others = more.length > 0 ? ` (and ${more.join(", ")})` : "";
  const [, reason = message] = /failed: (.*?)\. /.exec(message) ?? [];
  return operation === "initProcessGroup"
    ? `did not start${others}: ${message.replace(/\.$/, "")}`
    : `ended, hangs or cannot be reached${others}: ${operation} failed (${reason})`;
}

const isLocal = (host: string): boolean => host === "localhost" || host.startsWith("127.");
