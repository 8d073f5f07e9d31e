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
  timeoutMs?: number;
}

/**
 * Waits for all processes, and connects them: gloo between processors, NCCL between GPUs.
 * @throws ProcessLost if a process does not come or cannot be reached
 */
export async function joinProcesses(
  { rank, worldSize, host, port }: Placement,
  { device = cudaIsAvailable() ? "cuda" : "cpu", timeoutMs = defaultTimeout }: JoinOptions = {},
): Promise<Processes> {
  const store = { kind: "tcp", host, port } as const;
  return asProcessLost(rank, async () => {
    const control = await initProcessGroup({ backend: "gloo", rank, worldSize, store, timeoutMs });
    const hub = rank === 0 ? await Hub.open({ worldSize, host: listenOn(host) }) : undefined;
    const alone = { meet: async () => {}, leave: () => {} };
    const connecting = new Processes({ control, data: control, meetings: alone });
    const address = connecting.fromFirst<HubAddress>(hub?.address);
    const meetings = await Meetings.join({ ...address, host, rank, timeoutMs });
    return new Processes({ control, data: control, meetings });
  });
}
