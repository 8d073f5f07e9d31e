import { visible } from "@sdgan/core/basics";

export interface ProgressOptions {
  /** The first word of the line: "damsm". */
  label: string;
  /** Total number of steps; without it there is no bar. */
  total?: number;
  /** Steps that were done before this process, in a resumed run. */
  start?: number;
  /** Unit of the rate: "images". */
  unit?: string;
  /** Units per step. */
  unitsPerStep?: number;
  /** Time limit: work ends after this many seconds if `total` is not reached before. */
  seconds?: number;
  /** The rate is measured over this many recent milliseconds, by default 30,000. */
  window?: number;
  stream?: ProgressStream;
  /** The time in milliseconds. */
  now?: () => number;
}

/** The part of a terminal's or file's stream that the line uses. */
export type ProgressStream = Pick<NodeJS.WriteStream, "write"> & { isTTY?: boolean; columns?: number };

/**
 * A progress line on stderr: bar, percent, steps, rate, time left, and values such as losses. On a terminal the line is
 * updated in place, at most ten times per second; into a file, a new line is written every ten seconds.
 */
export class Progress implements Disposable {
  readonly #options: Required<Omit<ProgressOptions, "total" | "seconds">> & ProgressOptions;
  readonly #begin: number;
  readonly #inPlace: boolean;
  #step: number;
  #fields: ShownValues = {};
  #shownAt: number;
  #shown: number | undefined;
  /** Recent times and steps, oldest first. */
  #recent: { at: number; step: number }[];

  constructor(options: ProgressOptions) {
    this.#options = {
      start: 0,
      unit: "steps",
      unitsPerStep: 1,
      window: 30_000,
      stream: process.stderr,
      now: () => performance.now(),
      ...options,
    };
    this.#inPlace = this.#options.stream.isTTY === true;
    this.#begin = this.#options.now();
    this.#step = this.#options.start;
    this.#shownAt = this.#inPlace ? Number.NEGATIVE_INFINITY : this.#begin;
    this.#recent = [{ at: this.#begin, step: this.#step }];
  }

  /** Reports that `step` steps are done. `fields` (losses, counts) are shown at the end of the line. */
  update(step: number, fields: ShownValues = this.#fields): void {
    const now = this.#options.now();
    this.#step = step;
    this.#fields = fields;
    if (now - this.#recent.at(-1)!.at >= 250) this.#recent.push({ at: now, step });
    while (this.#recent.length > 2 && now - this.#recent[1]!.at > this.#options.window) this.#recent.shift();
    if (now - this.#shownAt >= (this.#inPlace ? 100 : 10_000)) this.#show(now);
  }

  /** Reports that `step` steps were done before: the rate counts only the following ones. */
  continueFrom(step: number): void {
    this.#options.start = step;
    this.#step = step;
    this.#recent = [{ at: this.#options.now(), step }];
  }

  /** Writes `line` above the progress line. */
  log(line: string): void {
    this.#clear();
    this.#options.stream.write(`${line}\n`);
    if (this.#inPlace && this.#shown !== undefined) this.#show(this.#options.now());
  }

  /** Awaits `work`. At its end the final state stays visible; if it throws, the line is removed. */
  async during<Result>(work: Promise<Result>): Promise<Result> {
    try {
      const result = await work;
      this[Symbol.dispose]();
      return result;
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** Shows the final state; nothing if no step was done. */
  [Symbol.dispose](): void {
    if (this.#shown === undefined && this.#step === this.#options.start) return;
    if (this.#shown !== this.#step) this.#show(this.#options.now());
    if (this.#inPlace) this.#options.stream.write("\n");
  }

  /** Removes the line. */
  abandon(): void {
    this.#clear();
  }

  #show(now: number): void {
    const { stream } = this.#options;
    const columns = this.#inPlace ? (stream.columns || 80) - 1 : Number.POSITIVE_INFINITY;
    const line = this.#line(now, columns);
    this.#shownAt = now;
    this.#shown = this.#step;
    if (this.#inPlace) stream.write(`\r${line}\x1b[K`);
    else stream.write(`${line}\n`);
  }

  #clear(): void {
    if (this.#inPlace) this.#options.stream.write("\r\x1b[K");
  }

  /** The line, at most `columns` wide: if it is too long, the bar is left out first, then the end is cut off. */
  #line(now: number, columns: number): string {
    const { label, total, seconds, start, unit, unitsPerStep } = this.#options;
    const from = this.#recent[0]!;
    const rate = now > from.at ? ((this.#step - from.step) / (now - from.at)) * 1000 : 0; // steps per second
    const elapsed = (now - this.#begin) / 1000;
    const byTime = seconds ? elapsed / seconds : 0;
    const bySteps = total ? (this.#step - (seconds ? start : 0)) / (total - (seconds ? start : 0) || 1) : 0;
    const done = Math.min(1, Math.max(byTime, bySteps));
    const left = Math.min(
      seconds ? seconds - elapsed : Number.POSITIVE_INFINITY,
      total && rate > 0 ? (total - this.#step) / rate : Number.POSITIVE_INFINITY,
    );
    const fields = Object.entries(this.#fields).map(([name, value]) => `${name} ${shortNumber(value)}`);
    const parts = [
      ...(total || seconds ? [`${String(Math.floor(done * 100)).padStart(3)} %`] : []),
      total ? `${this.#step}/${total}` : String(this.#step),
      ...(rate > 0 ? [`${shortNumber(rate * unitsPerStep)} ${unit}/s`] : []),
      ...(done < 1 && Number.isFinite(left) ? [`${duration(left)} left`] : []),
      ...(done === 1 || !(total || seconds) ? [`in ${duration(elapsed)}`] : []),
      ...fields,
    ].map(visible);
    const bare = [label, ...parts].join("  ");
    const barred = total || seconds ? [label, bar(done), ...parts].join("  ") : bare;
    return barred.length <= columns ? barred : bare.slice(0, columns);
  }
}

type ShownValues = Record<string, number | string>;

/** Seconds in readable form: "45 s", "3:07 min", "2:05 h". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)} h`;
}

/** A bar in ASCII, which every terminal and log can show. */
function bar(done: number): string {
  const width = 20;
  const filled = Math.floor(done * width);
  return `[${"#".repeat(filled)}${".".repeat(width - filled)}]`;
}

/** Three significant digits; whole numbers without decimals. */
function shortNumber(value: number | string): string {
  if (typeof value === "string" || Number.isInteger(value) || !Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
