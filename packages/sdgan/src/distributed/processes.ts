/** The processes that train one network together, as one of them sees the others. */
import { empty, noGrad, scope, type Tensor, tensor } from "@sdgan/torch";
import type { ProcessGroup } from "@sdgan/torch/distributed";
import { type BatchShare, shareOf } from "./batch-share.js";
import { GradientBuckets } from "./gradient-buckets.js";
import type { Meetings } from "./meetings.js";
import { pack, unpack } from "./packed.js";

export interface ProcessesOptions {
  /** For values of the CPU: what is decided, weights at the start, hashes. */
  control: ProcessGroup;
  /** For tensors of the networks' device. The same group if that is the CPU. */
  data: ProcessGroup;
  meetings: Pick<Meetings, "meet" | "leave" | "requireNoneLost">;
  /** Further groups to close at the end. */
  others?: readonly ProcessGroup[];
  /** In process 0: what the meetings take place in. */
  hub?: AsyncDisposable | undefined;
}

export class Processes {
  readonly rank: number;
  readonly worldSize: number;
  readonly #options: ProcessesOptions;

  constructor(options: ProcessesOptions) {
    this.#options = options;
    this.rank = options.control.rank;
    this.worldSize = options.control.worldSize;
  }

  get isFirst(): boolean {
    return this.rank === 0;
  }

  /** The group over which tensors of the networks' device are reduced. */
  get group(): ProcessGroup {
    return this.#options.data;
  }

  /** This process's share of batches of `units` units: see `BatchShare`. */
  shareOf(units: number): BatchShare {
    const { rank, worldSize } = this;
    const { data } = this.#options;
    // gloo does not add in half precision.
    const sumOverProcesses = (own: Tensor) =>
      own.dtype === "bfloat16" || own.dtype === "float16"
        ? data.sum(own.to("float32")).to(own.dtype)
        : data.sum(own);
    return shareOf({ rank, worldSize, units: units / worldSize, sumOverProcesses });
  }

  gradientBuckets(): GradientBuckets {
    const { data } = this.#options;
    return new GradientBuckets({ worldSize: this.worldSize, sum: (bucket) => data.allReduce(bucket) });
  }

  /** Waits until all processes are here, without a limit of time as long as they live. */
  meet(): Promise<void> {
    return this.#options.meetings.meet();
  }

  /** @throws ProcessLost if another process is known to have ended or to be silent */
  requireNoneLost(): void {
    this.#options.meetings.requireNoneLost();
  }

  /** Does `work` in process 0, while the others wait. */
  async firstAlone(work: () => void | Promise<void>): Promise<void> {
    if (this.isFirst) await work();
    await this.meet();
  }

  /** The largest of each of the numbers of all processes. */
  largest(own: readonly number[]): number[] {
    return scope(() => {
      const numbers = tensor(own as number[], { dtype: "float64" });
      this.#options.control.allReduce(numbers, { op: "max" }).wait();
      return numbers.toNumbers();
    });
  }

  /** The means over processes of scalars, by name. All processes have the same names in the same order. */
  means(own: Record<string, Tensor>): Record<string, Tensor> {
    const names = Object.keys(own);
    return noGrad(() =>
      scope(() => {
        const [first] = Object.values(own);
        const values = names.map((name) => own[name]!.to("float64").reshape(1));
        const all = empty([names.length], { dtype: "float64", device: first!.device });
        for (const [i, value] of values.entries()) all.narrow(0, i, 1).copy_(value);
        this.#options.data.allReduce(all).wait();
        all.mul_(1 / this.worldSize);
        return Object.fromEntries(names.map((name, i) => [name, all.select(0, i).clone()]));
      }),
    );
  }

  /** A value of process 0, which can be represented in JSON; the others give undefined. */
  fromFirst<Value>(own: Value | undefined): Value {
    return JSON.parse(this.#textFrom(0, this.isFirst ? JSON.stringify(own) : undefined)) as Value;
  }

  /**
   * The values of all processes in their order, in process 0; undefined in the others.
   * @param own of plain objects, arrays and what JSON has, with tensors in it (float32, on the CPU)
   */
  toFirst<Value>(own: Value): Value[] | undefined {
    const { control } = this.#options;
    const all = [own];
    for (let root = 1; root < this.worldSize; root++) {
      const received = scope((): Value | undefined => {
        const packed = this.rank === root ? pack(own) : undefined;
        const text = this.#textFrom(root, packed?.text);
        const length = this.#textFrom(root, packed && String(packed.numbers.numel));
        const numbers = packed?.numbers ?? empty([Number(length)]);
        for (let from = 0; from < numbers.numel; from += numbersPerMessage) {
          const count = Math.min(numbersPerMessage, numbers.numel - from);
          control.broadcast(numbers.narrow(0, from, count), { root }).wait();
        }
        return this.isFirst ? unpack<Value>({ text, numbers }) : undefined;
      });
      if (received !== undefined) all.push(received);
    }
    return this.isFirst ? all : undefined;
  }

  /** The text of the process `root`; the others give undefined. */
  #textFrom(root: number, own: string | undefined): string {
    const { control } = this.#options;
    return scope(() => {
      const bytes = Buffer.from(own ?? "");
      const length = tensor([bytes.length], { dtype: "int64" });
      control.broadcast(length, { root }).wait();
      const text =
        own === undefined ? empty([length.item()], { dtype: "uint8" }) : tensor(new Uint8Array(bytes));
      control.broadcast(text, { root }).wait();
      return Buffer.from(text.toBytes()).toString();
    });
  }

  /** Tensors of process 0 by name, on the CPU; the others give undefined. */
  tensorsFromFirst(own: ReadonlyMap<string, Tensor> | undefined): Map<string, Tensor> {
    const { control } = this.#options;
    const described = this.fromFirst(
      own && Array.from(own, ([name, { dtype, shape }]) => ({ name, dtype, shape: [...shape] })),
    );
    return new Map(
      described.map(({ name, dtype, shape }) => {
        const values = own
          ? own.get(name)!.detach().to({ device: "cpu" }).contiguous()
          : empty(shape, { dtype });
        control.broadcast(values, { root: 0 }).wait();
        return [name, values];
      }),
    );
  }

  /** Every process's bytes, of the same length, in the order of the processes. */
  everyones(own: Uint8Array): Uint8Array[] {
    const { control } = this.#options;
    return scope(() => {
      const all = control.allGather(tensor(own));
      all.wait();
      return all.outputs.map((one) => one.toBytes());
    });
  }

  /**
   * Why an operation failed, if it was one inside of an operator, whose errors do not name processes.
   * @throws ProcessGroupError if an operation has failed before
   */
  readonly requireAlive = (): void => {
    this.#options.control.barrier().wait();
  };

  /** Ends in order, after the last step. */
  async leave(): Promise<void> {
    const { control, data, meetings, others = [], hub } = this.#options;
    await this.meet();
    meetings.leave();
    for (const group of new Set([data, control, ...others])) group.close();
    await hub?.[Symbol.asyncDispose]();
  }
}

/** 64 MiB, so that each message arrives well before its timeout. */
const numbersPerMessage = 2 ** 24;
