/** What other programs take of the processors that training computes with. */
import { cpus } from "node:os";

/** Seconds: the clock's, those that the machine's cores were busy together, and those of them that this process was. */
export interface Usage {
  clock: number;
  machine: number;
  own: number;
}

/** The machine's other programs, seen by their processor time. */
export class CpuContention {
  readonly #usage: () => Usage;
  #last: Usage;

  constructor(usage: () => Usage = usageNow) {
    this.#usage = usage;
    this.#last = usage();
  }

  /** How many cores they kept busy on average since it was last asked; undefined before `seconds` have passed. */
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
