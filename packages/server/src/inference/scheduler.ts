import { ApiError, busy } from "../errors.js";
import type { Limits } from "../limits.js";
import type { Batch, BatchResult, ImageJob, ImageResult } from "./messages.js";

/** What computes batches, one at a time. */
export interface Runner {
  readonly busy: boolean;
  /** Rejects if the runner has ended. */
  run(batch: Batch, timeoutMs: number): Promise<BatchResult["results"]>;
}

/** The images of a request: all of one model, with the same outputs. */
export type Wanted = Omit<Batch, "id">;

export interface SchedulerEvents {
  /** A batch of `images` has been computed in `seconds`. */
  onBatch(images: number, seconds: number): void;
}

interface Ticket {
  wanted: Wanted;
  /** Requests with equal groups can be computed together. */
  group: string;
  results: ImageResult[];
  left: number;
  settled: boolean;
  resolve(results: ImageResult[]): void;
  reject(error: Error): void;
}

interface Entry {
  ticket: Ticket;
  /** The job's place in its request. */
  i: number;
  job: ImageJob;
  /** How often a runner has ended with it. */
  losses: number;
}

/**
 * Collects the images of waiting requests into batches, in the order of arrival. Nothing waits for a batch to fill: what
 * waits when a runner becomes free is computed together.
 */
export class Scheduler {
  readonly #runners: () => readonly Runner[];
  readonly #limits: Pick<Limits, "queue" | "batch" | "waitMs" | "batchMs">;
  readonly #events: SchedulerEvents;
  #waiting: Entry[] = [];
  #running = 0;
  #batches = 0;
  #ways = 0;
  /** A moving average of the time of an image, in seconds. */
  #seconds = 0.05;
  readonly #whenIdle: (() => void)[] = [];

  constructor(
    runners: () => readonly Runner[],
    limits: Pick<Limits, "queue" | "batch" | "waitMs" | "batchMs">,
    events: SchedulerEvents = { onBatch: () => {} },
  ) {
    this.#runners = runners;
    this.#limits = limits;
    this.#events = events;
  }

  /** Images that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Images that are computed. */
  get running(): number {
    return this.#running;
  }

  /** @throws ApiError 503 if there is no place for `images` more */
  refuseIfFull(images = 1): void {
    const held = this.waiting + this.running;
    if (held + images <= this.#limits.queue) return;
    throw busy(
      `The server has ${held} images to generate, and takes at most ${this.#limits.queue}. Try again later.`,
      this.retryAfter(),
    );
  }

  /** Seconds until what waits now is computed, about. */
  retryAfter(): number {
    const seconds = ((this.waiting + this.running) * this.#seconds) / Math.max(1, this.#runners().length);
    return Math.min(60, Math.max(1, Math.ceil(seconds)));
  }

  /**
   * Computes the images of a request.
   * @param signal gives up: what waits loses its place
   * @throws ApiError 503 at once if there is no place, or after `waitMs`, or if a runner ends twice; 400 for a prompt that
   *   the model cannot read; the signal's reason
   */
  submit(wanted: Wanted, signal: AbortSignal): Promise<ImageResult[]> {
    signal.throwIfAborted();
    this.refuseIfFull(wanted.jobs.length);
    return new Promise((resolve, reject) => {
      const { jobs } = wanted;
      const settle = () => {
        ticket.settled = true;
        clearTimeout(timer);
        signal.removeEventListener("abort", aborted);
        this.#waiting = this.#waiting.filter((entry) => entry.ticket !== ticket);
        this.#tellIfIdle();
      };
      const ticket: Ticket = {
        ...{ wanted, group: this.#groupOf(wanted), results: [], left: jobs.length },
        settled: false,
        resolve(results) {
          settle();
          resolve(results);
        },
        reject(error) {
          if (ticket.settled) return;
          settle();
          reject(error);
        },
      };
      const aborted = () => ticket.reject(signal.reason);
      const late = () =>
        ticket.reject(
          new ApiError(503, "The images were not ready in time. Try again later, or ask for fewer.", {
            ...{ code: "timeout", retryAfter: this.retryAfter() },
          }),
        );
      const timer = setTimeout(late, this.#limits.waitMs);
      signal.addEventListener("abort", aborted);
      for (const [i, job] of jobs.entries()) this.#waiting.push({ ticket, i, job, losses: 0 });
      this.pump();
    });
  }

  /** Resolves when nothing waits and nothing is computed. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
      this.#tellIfIdle();
    });
  }

  /** Gives waiting images to free runners. To be called when a runner becomes ready. */
  pump(): void {
    let free = this.#runners().filter((runner) => !runner.busy);
    while (free.length > 0 && this.#waiting.length > 0) {
      const [runner, ...others] = free;
      void this.#run(runner!, this.#take(free.length));
      free = others;
    }
  }

  /** The next batch for one of `free` runners, which share what waits. */
  #take(free: number): Entry[] {
    const [first] = this.#waiting;
    // What was with a runner that ended is computed alone: it may be the reason.
    const fits = ({ ticket, losses }: Entry) => ticket.group === first!.ticket.group && losses === 0;
    const all = first!.losses > 0 ? [first!] : this.#waiting.filter(fits);
    const taken = new Set(all.slice(0, Math.min(this.#limits.batch, Math.ceil(all.length / free))));
    this.#waiting = this.#waiting.filter((entry) => !taken.has(entry));
    return [...taken];
  }

  async #run(runner: Runner, entries: Entry[]): Promise<void> {
    const jobs = entries.map(({ job }) => job);
    const start = performance.now();
    this.#running += entries.length;
    try {
      const batch = { ...entries[0]!.ticket.wanted, id: ++this.#batches, jobs };
      const results = await runner.run(batch, this.#limits.batchMs);
      const seconds = (performance.now() - start) / 1000;
      this.#seconds += 0.1 * (seconds / entries.length - this.#seconds);
      this.#events.onBatch(entries.length, seconds);
      for (const [k, entry] of entries.entries()) deliver(entry, results[k]!);
    } catch {
      this.#putBack(entries);
    } finally {
      this.#running -= entries.length;
      this.pump();
      this.#tellIfIdle();
    }
  }

  #putBack(entries: readonly Entry[]): void {
    for (const entry of entries) entry.losses += 1;
    const [again, lost] = [true, false].map((may) =>
      entries.filter(({ losses }) => losses <= LOSSES === may),
    );
    this.#waiting.unshift(...again!.filter(({ ticket }) => !ticket.settled));
    for (const { ticket } of lost!)
      ticket.reject(
        busy("The image could not be computed: the process that computes it ended.", this.retryAfter()),
      );
  }

  #groupOf({ between, model, size, stages, attention, modulation }: Wanted): string {
    // The images of a way have two captions in common, and are computed by themselves.
    return between ? `way ${++this.#ways}` : [model, size, stages, attention, modulation].join();
  }

  #tellIfIdle(): void {
    if (this.waiting + this.running > 0) return;
    for (const tell of this.#whenIdle.splice(0)) tell();
  }
}

/** Runners that may end with an image before it is given up. */
const LOSSES = 1;

function deliver({ ticket, i }: Entry, result: BatchResult["results"][number]): void {
  if (ticket.settled) return;
  if ("refusal" in result) {
    const { message, code } = result.refusal;
    // A prompt that cannot be read is the client's; anything else is a fault of the model's files.
    const status = code.startsWith("caption.") || code === "usage" ? 400 : 500;
    ticket.reject(new ApiError(status, message, { code, param: "prompt" }));
    return;
  }
  ticket.results[i] = result;
  ticket.left -= 1;
  if (ticket.left === 0) ticket.resolve(ticket.results);
}
