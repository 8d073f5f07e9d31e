/** A process group and its operations. */
import type { NativeProcessGroup, NativeWork } from "../addon-interface.js";
import { call } from "../dispatch.js";
import { native } from "../native.js";
import type { Tensor } from "../tensor.js";
import { ProcessGroupError } from "./error.js";
import { type About, failureOf } from "./failure.js";

export type Reduction = "sum" | "avg" | "min" | "max";

/** A running operation. It holds its tensors until it is done, also if they are disposed of. */
export interface Work {
  /** Whether `wait` would return at once. */
  readonly done: boolean;
  /**
   * Blocks this thread until the operation is done. Its tensors must not be used before.
   * @throws {ProcessGroupError} if it failed; the group can then only be closed
   */
  wait(): void;
}

export interface Gathering extends Work {
  /** The tensor of each rank, once the operation is done. */
  readonly outputs: Tensor[];
}

/**
 * All ranks call the same operations in the same order, with tensors of the same shapes, strides and dtypes; otherwise
 * the operation fails on all of them. Operations run in libtorch's threads.
 */
export interface ProcessGroup {
  readonly rank: number;
  readonly worldSize: number;
  readonly backend: "gloo" | "nccl";
  /** Replaces the tensor by its sum (by default), average, minimum or maximum over all ranks: the same bits on each. */
  allReduce(tensor: Tensor, options?: { op?: Reduction }): Work;
  /** Replaces the tensor by that of the rank `root`, 0 by default. */
  broadcast(tensor: Tensor, options?: { root?: number }): Work;
  allGather(tensor: Tensor): Gathering;
  /** Is done when all ranks have called it. */
  barrier(): Work;
  /** Frees sockets and threads. Call it when all operations are done; operations under way then fail. */
  close(): void;
}

export class NativeGroup implements ProcessGroup {
  readonly rank: number;
  readonly worldSize: number;
  readonly backend: "gloo" | "nccl";
  readonly #group: NativeProcessGroup;
  readonly #timeoutMs: number;
  #closed = false;

  constructor(
    group: NativeProcessGroup,
    about: { rank: number; worldSize: number; backend: "gloo" | "nccl"; timeoutMs: number },
  ) {
    this.#group = group;
    this.rank = about.rank;
    this.worldSize = about.worldSize;
    this.backend = about.backend;
    this.#timeoutMs = about.timeoutMs;
  }

  allReduce(tensor: Tensor, { op = "sum" }: { op?: Reduction } = {}): Work {
    return this.#start("allReduce", (group) => native.processGroupAllReduce(group, tensor, op));
  }

  broadcast(tensor: Tensor, { root = 0 }: { root?: number } = {}): Work {
    return this.#start("broadcast", (group) => native.processGroupBroadcast(group, tensor, root));
  }

  allGather(tensor: Tensor): Gathering {
    const outputs = Array.from({ length: this.worldSize }, () => call<Tensor>("empty_like", tensor));
    const work = this.#start("allGather", (group) => native.processGroupAllGather(group, outputs, tensor));
    return Object.assign(work, { outputs });
  }

  barrier(): Work {
    return this.#start("barrier", (group) => native.processGroupBarrier(group));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    native.processGroupClose(this.#group);
  }

  #start(operation: string, start: (group: NativeProcessGroup) => NativeWork): NativeOperation {
    if (this.#closed)
      throw new ProcessGroupError(
        `rank ${this.rank}: ${operation} was called after close(). Make a new group with initProcessGroup.`,
        { rank: this.rank, operation },
      );
    const about = { rank: this.rank, worldSize: this.worldSize, operation, timeoutMs: this.#timeoutMs };
    return new NativeOperation(start(this.#group), about);
  }
}

class NativeOperation implements Work {
  readonly #work: NativeWork;
  readonly #about: About;

  constructor(work: NativeWork, about: About) {
    this.#work = work;
    this.#about = about;
  }

  get done(): boolean {
    return native.processGroupIsDone(this.#work);
  }

  wait(): void {
    const failed = native.processGroupWait(this.#work);
    if (failed) throw failureOf(failed, this.#about);
  }
}
