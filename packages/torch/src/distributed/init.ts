/** Makes a process group: the ranks meet through a store, then connect to each other. */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Native, NativeProcessGroup } from "../addon-interface.js";
import { setup } from "../addon-path.js";
import { native } from "../native.js";
import { ProcessGroupError, ranksText, secondsText } from "./error.js";
import { NativeGroup, type ProcessGroup } from "./process-group.js";

/** Where the ranks meet. Groups that use the same store need different prefixes. */
export type StoreOptions =
  | {
      kind: "tcp";
      host: string;
      port: number;
      /** Whether this process serves the store; rank 0 by default. False everywhere if another process serves it. */
      server?: boolean;
      prefix?: string;
    }
  /** A file on a disk that all ranks share, new for every group. */
  | { kind: "file"; path: string; prefix?: string };

export interface ProcessGroupOptions {
  /** "gloo" by default, for processors; "nccl" for GPUs, where libtorch has CUDA. */
  backend?: "gloo" | "nccl";
  rank: number;
  worldSize: number;
  store: StoreOptions;
  /** For the meeting of the ranks, and for each operation; 60,000 by default. */
  timeoutMs?: number;
}

/**
 * Resolves when all ranks have come and are connected. The variable GLOO_SOCKET_IFNAME names the network interface to
 * use; by default it is the one towards the TCP store's host.
 * @throws {ProcessGroupError} if ranks are missing after the timeout, or the store cannot be used
 */
export async function initProcessGroup(options: ProcessGroupOptions): Promise<ProcessGroup> {
  const { backend = "gloo", rank, worldSize, store, timeoutMs = 60_000 } = options;
  const checked = { backend, rank, worldSize, store, timeoutMs };
  check(checked);
  const init = nativeInit(backend, rank);
  const { place, port, server } = addressOf(store, rank);
  const group = await new Promise<NativeProcessGroup>((resolve, reject) =>
    init(
      backend,
      rank,
      worldSize,
      store.kind,
      place,
      port,
      server,
      store.prefix ? `${store.prefix}/` : "",
      timeoutMs,
      (made, stage, error, missing) =>
        made ? resolve(made) : reject(rendezvousError(checked, stage, error, missing)),
    ),
  );
  return new NativeGroup(group, { rank, worldSize, backend, timeoutMs });
}

function addressOf(store: StoreOptions, rank: number) {
  if (store.kind === "file") return { place: store.path, port: 0, server: false };
  return { place: store.host, port: store.port, server: store.server ?? rank === 0 };
}

/** @throws {RangeError} for impossible options */
function check({ backend, rank, worldSize, store, timeoutMs }: Required<ProcessGroupOptions>): void {
  const fail = (what: string, expected: string, found: unknown) => {
    throw new RangeError(`initProcessGroup: ${what} must be ${expected}, found ${String(found)}`);
  };
  const isWhole = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  if (backend !== "gloo" && backend !== "nccl") fail("backend", "gloo or nccl", backend);
  if (!isWhole(worldSize, 1, MOST_RANKS))
    fail("worldSize", `a whole number from 1 to ${MOST_RANKS}`, worldSize);
  if (!isWhole(rank, 0, worldSize - 1)) fail("rank", `a whole number from 0 to ${worldSize - 1}`, rank);
  if (!isWhole(timeoutMs, 1, MOST_TIMEOUT)) fail("timeoutMs", `from 1 to ${MOST_TIMEOUT}`, timeoutMs);
  const kind: string = store.kind;
  if (kind !== "tcp" && kind !== "file") fail("store.kind", "tcp or file", kind);
  if (store.kind === "tcp" && !isWhole(store.port, 1, 65_535))
    fail("store.port", "from 1 to 65535", store.port);
  const place = store.kind === "tcp" ? store.host : store.path;
  if (typeof place !== "string" || place === "")
    fail(store.kind === "tcp" ? "store.host" : "store.path", "a text", place);
  if (store.kind === "file" && !existsSync(dirname(place)))
    fail("store.path", "in a folder that exists", place);
  if (store.kind === "file" && !mayBeStore(place))
    fail("store.path", "the file of a store, or a path that does not exist", place);
}

/** libtorch would read another file for ever. A store's begins with the length of its first key, 32 bits. */
function mayBeStore(path: string): boolean {
  if (!existsSync(path)) return true;
  if (!statSync(path).isFile()) return false;
  const file = openSync(path, "r");
  try {
    const length = Buffer.alloc(4);
    return readSync(file, length) < 4 || length.readUInt32LE() < 65_536;
  } finally {
    closeSync(file);
  }
}

/** @throws {ProcessGroupError} if the addon was built without the backend */
function nativeInit(backend: "gloo" | "nccl", rank: number): NonNullable<Native["initProcessGroup"]> {
  const about = { rank, operation: "initProcessGroup" };
  if (!native.initProcessGroup)
    throw new ProcessGroupError(
      "initProcessGroup: this build of the addon has no process groups, because gloo's headers were missing beside " +
        `libtorch's. With Debian's libtorch: apt-get install -y libgloo-dev, then ${setup}`,
      about,
    );
  if (backend === "nccl" && !native.hasNccl)
    throw new ProcessGroupError(
      "initProcessGroup: this build of the addon has no NCCL. It needs a libtorch with CUDA, and the headers of CUDA and " +
        `NCCL when it is built: ${setup}. Or use the backend gloo`,
      about,
    );
  return native.initProcessGroup;
}

const MOST_RANKS = 65_536;
/** 24 days: what fits into 32 bits. */
const MOST_TIMEOUT = 2 ** 31 - 1;

function rendezvousError(
  { rank, worldSize, store, timeoutMs }: Required<ProcessGroupOptions>,
  stage: string,
  error: string,
  missing: number[],
): ProcessGroupError {
  const place = store.kind === "tcp" ? `${store.host}:${store.port}` : store.path;
  const start = `rank ${rank} of ${worldSize}: initProcessGroup`;
  const waited = secondsText(timeoutMs);
  const server =
    store.kind === "tcp" && store.server === false
      ? "The process that serves the store"
      : "Rank 0, which serves the store,";
  return new ProcessGroupError(`${start} ${text()}`, {
    rank,
    operation: "initProcessGroup",
    suspects: missing,
  });

  function text(): string {
    if (stage === "twice")
      return (
        `found that rank ${rank} has joined at ${place} already: two processes have this rank, or the ` +
        `${store.kind === "file" ? "file is left from another group; give a path that does not exist" : "store was used by an earlier group; give another prefix"}.`
      );
    if (missing.length > 0)
      return `waited ${waited} at ${place} for ${ranksText(missing)}. Start all ${worldSize} ranks within this time with the same store and worldSize, or increase timeoutMs.`;
    if (stage === "serve")
      return `cannot serve the store at ${place}: ${uncapital(error)}. Choose another port on all ranks, or end the process that uses it.`;
    if (stage === "reach")
      return `could not reach the store at ${place} within ${waited}: ${uncapital(error)}. ${server} is missing, or the address is wrong or blocked.`;
    if (stage === "store") return `cannot open the store at ${place}: ${error}.`;
    if (stage === "join")
      return `lost the store at ${place} while it waited for the other ranks (timeout ${waited}): ${error}. ${store.kind === "tcp" ? `${server} probably ended.` : "All ranks need this file."}`;
    return (
      `could not connect to the other ranks within ${waited}: ${error}. Each machine must reach the others; ` +
      "GLOO_SOCKET_IFNAME names the network interface to use."
    );
  }
}

function uncapital(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
