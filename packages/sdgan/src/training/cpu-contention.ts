/** Measures how much processor time other programs use. */
import { cpus } from "node:os";

/** In seconds: wall-clock time, busy time of all cores together, and the part of it used by this process. */
export interface Usage {
  clock: number;
  machine: number;
  own: number;
}

/** The processor time of the machine's other programs. */
export class CpuContention {
  readonly #usage: () => Usage;
  #last: Usage;

  constructor(usage: () => Usage = usageNow) {
    this.#usage = usage;
    this.#last = usage();
  }

  /** Cores that they kept busy on average since the last result; undefined until `seconds` have passed. */
  cores(seconds: number): number | undefined {
    const { clock, machine, own } = this.#usage();
    const passed = clock - this.#last.clock;
    if (passed < seconds) return undefined;
    const others = machine - this.#last.machine - (own - this.#last.own);
    this.#last = { clock, machine, own };
    return Math.max(0, others / passed);
  }
}

function usageNow(): Usage {
  const busy = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  const { user, system } = process.cpuUsage();
  return {
    clock: performance.now() / 1e3,
    machine: busy.reduce((sum, time) => sum + time, 0) / 1e3,
    own: (user + system) / 1e6,
  };
}
