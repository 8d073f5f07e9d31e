/** What the loop does together with other processes. */
import { scope, type Tensor } from "@sdgan/torch";
import type { Processes } from "../distributed/processes.js";
import { requireSameStates } from "./same-states.js";
import { disposeOf, type StepMetrics } from "./step-metrics.js";
import type { TrainingTask } from "./training-task.js";

/**
 * The processes of a training: several, of which the first one decides and writes, or this one alone. All of them call the
 * same methods in the same order.
 */
export class LoopProcesses {
  readonly #processes: Processes | undefined;

  constructor(processes: Processes | undefined) {
    this.#processes = processes;
  }

  /** Gives all processes the state of the first one. Returns the step that it was saved at. */
  async beginAlike(task: TrainingTask, savedAt: number | undefined): Promise<number | undefined> {
    const processes = this.#processes;
    if (!processes) return savedAt;
    // A state may need statistics, which take time; after the meeting, the others wait for a minute at most.
    if (processes.isFirst) scope(() => void task.state());
    await processes.meet(); // All have made their networks.
    scope(() => {
      const own = processes.isFirst ? task.state() : undefined;
      const values = processes.fromFirst(own?.values);
      const tensors = processes.tensorsFromFirst(own?.tensors);
      if (!processes.isFirst) task.restore({ tensors, values });
    });
    return processes.fromFirst({ savedAt }).savedAt;
  }

  /** Whether training goes on: the first process decides, but a signal to any of them ends it. */
  goesOn(own: boolean, isAborted: boolean): boolean {
    const processes = this.#processes;
    if (!processes) return own;
    return processes.largest([Number(processes.isFirst ? !own : isAborted)])[0] === 0;
  }

  /** The first process's decisions, in all. */
  decided<Decisions extends boolean[]>(...own: Decisions): Decisions {
    const processes = this.#processes;
    if (!processes) return own;
    return processes
      .largest(own.map((one) => Number(processes.isFirst && one)))
      .map((one) => one === 1) as Decisions;
  }

  /** Does `work` in the first process, while the others wait. */
  async firstAlone(work: () => void | Promise<void>): Promise<void> {
    await (this.#processes ? this.#processes.firstAlone(work) : work());
  }

  /** The means over processes. Disposes of `own` if that is another one. */
  averaged(own: StepMetrics): StepMetrics {
    if (!this.#processes) return own;
    const { losses, statistics } = own;
    const all = this.#processes.means({ ...losses, ...statistics });
    disposeOf(own);
    const of = (tensors: Record<string, Tensor>) =>
      Object.fromEntries(Object.keys(tensors).map((name) => [name, all[name]!]));
    return { losses: of(losses), statistics: of(statistics) };
  }

  /** @throws UserError in all processes if their states differ */
  requireSameStates(task: TrainingTask): void {
    const processes = this.#processes;
    if (processes) scope(() => requireSameStates(task.steps, task.state(), processes));
  }
}
