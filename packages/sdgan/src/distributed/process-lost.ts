import { UserError } from "@sdgan/core/basics";

/** Another of the processes that work together has ended, hangs, or cannot be reached. */
export class ProcessLost extends UserError {
  override name = "ProcessLost";
  /** "process 0: process 1 ended" */
  readonly loss: string;
  /** The first process that was lost, if it is known. */
  readonly lost: number | undefined;

  /**
   * @param rank of this process
   * @param lost the first process that was lost, if it is known
   * @param how what is known of it: "ended"
   */
  constructor({ rank, lost, how, cause }: { rank: number; lost?: number; how: string; cause?: unknown }) {
    const loss = `process ${rank}: ${lost === undefined ? how : `process ${lost} ${how}`}`;
    super(
      `${loss}, so training stopped; the last checkpoint is kept. Start all processes again with --resume`,
      { code: "process.lost", ...(cause !== undefined && { cause }) },
    );
    this.loss = loss;
    this.lost = lost;
  }
}
