/**
 * Points of training at which processes wait for each other without a limit of time, such as the end of an evaluation that
 * process 0 does alone. The collective operations of a process group end with an error after their timeout. Here a process
 * waits as long as the others live.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { withAllCores } from "@sdgan/torch";
import { ProcessLost } from "./process-lost.js";

/** What the hub's thread receives at its start. */
export interface HubData {
  token: string;
  worldSize: number;
  /** Milliseconds without a sign of life of a process after which it counts as lost. */
  timeoutMs: number;
  /** The address that it listens on; by default all of the machine's. */
  host: string | undefined;
}

/** Where the hub is, and the word that shows that a connection is of a process of this training. */
export interface HubAddress {
  port: number;
  token: string;
}

/** What the thread receives that tells the hub that a process lives. */
export interface PulseData extends HubAddress {
  host: string;
  rank: number;
}

/** The thread in process 0 through which the processes meet. */
export class Hub implements AsyncDisposable {
  private constructor(
    readonly address: HubAddress,
    readonly worker: Worker,
  ) {}

  /** @param host the address to listen on; undefined for all of the machine's */
  static async open(options: Omit<HubData, "token">): Promise<Hub> {
    const token = randomBytes(16).toString("hex");
    const worker = threadOf("./meeting-hub.js", { ...options, token } satisfies HubData);
    const port = await new Promise<number>((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
    });
    worker.unref();
    return new Hub({ port, token }, worker);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate();
  }
}

export interface MeetingsOptions extends HubAddress {
  host: string;
  rank: number;
  /** Milliseconds without a sign of life of the hub after which process 0 counts as lost. */
  timeoutMs: number;
}

/** One process's connection to the hub. */
export class Meetings {
  readonly #options: MeetingsOptions;
  readonly #socket: Socket;
  readonly #pulse: Worker;
  /** Meetings attended, and the number of the last one to which all have come. */
  #attended = 0;
  #all = 0;
  #failure: Error | undefined;
  #waiting: { resolve(): void; reject(error: Error): void } | undefined;
  /** Milliseconds without a sign of life, counted in ticks: while this process computes or is stopped, there are none. */
  #silent = 0;
  #rest = "";

  private constructor(socket: Socket, options: MeetingsOptions) {
    this.#socket = socket;
    this.#options = options;
    const { host, port, token, rank } = options;
    this.#pulse = threadOf("./meeting-pulse.js", { host, port, token, rank } satisfies PulseData);
    this.#pulse.unref();
    socket.write(`hello ${options.token} ${options.rank}\n`);
    socket.on("data", (text: string) => this.#hear(text));
    socket.on("error", () => {});
    socket.on("close", () => this.#fail(0, "ended"));
    socket.unref();
  }

  /** @throws ProcessLost if process 0 cannot be reached */
  static async join(options: MeetingsOptions): Promise<Meetings> {
    const { host, port, timeoutMs, rank } = options;
    const socket = connect({ host, port });
    socket.setEncoding("utf8").setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      const give = (reason: string) => {
        socket.destroy();
        reject(new ProcessLost({ rank, lost: 0, how: `cannot be reached at ${host}:${port} (${reason})` }));
      };
      const timer = setTimeout(() => give(`no answer in ${timeoutMs / 1000} s`), timeoutMs);
      socket.once("error", ({ message }) => give(message));
      socket.once("connect", resolve);
      socket.once("close", () => clearTimeout(timer)).once("connect", () => clearTimeout(timer));
    });
    return new Meetings(socket, options);
  }

  /**
   * Waits until all processes have called this as often as this one.
   * @throws ProcessLost if another process ends or is silent
   */
  async meet(): Promise<void> {
    const { timeoutMs } = this.#options;
    this.#attended += 1;
    if (this.#failure) throw this.#failure;
    this.#socket.write(`here ${this.#attended}\n`);
    this.#silent = 0;
    this.#socket.ref();
    const timer = setInterval(() => {
      this.#silent += tick;
      if (this.#silent > timeoutMs) this.#fail(0, this.#silence);
    }, tick);
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#failure) return reject(this.#failure);
        if (this.#all >= this.#attended) return resolve();
        this.#waiting = { resolve, reject };
      });
    } finally {
      clearInterval(timer);
      this.#waiting = undefined;
      this.#socket.unref();
    }
  }

  /** @throws ProcessLost if another process is known to have ended or to be silent */
  requireNoneLost(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Leaves when training is complete. A process that ends otherwise counts as lost. */
  leave(): void {
    this.#failure ??= new Error("the meetings are over");
    this.#socket.end("bye\n");
    void this.#pulse.terminate();
  }

  #hear(text: string): void {
    this.#silent = 0;
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const [word, value, how] = line.split(" ");
      if (word === "lost") this.#fail(Number(value), how === "silent" ? this.#silence : "ended");
      if (word !== "go") continue;
      this.#all = Number(value);
      if (this.#all >= this.#attended) this.#waiting?.resolve();
    }
  }

  get #silence(): string {
    return `has been silent for ${this.#options.timeoutMs / 1000} s: it hangs or cannot be reached`;
  }

  #fail(lost: number, how: string): void {
    this.#failure ??= new ProcessLost({ rank: this.#options.rank, lost, how });
    this.#waiting?.reject(this.#failure);
  }
}

function threadOf(program: string, workerData: HubData | PulseData): Worker {
  const url = new URL(program, import.meta.url);
  return withAllCores(() => new Worker(url, { workerData, execArgv: [] }));
}

/** Milliseconds between two looks at the silence. */
const tick = 500;
