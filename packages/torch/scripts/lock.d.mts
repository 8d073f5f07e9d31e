/** Who holds a lock file. */
export interface Holder {
  pid: number;
  host: string;
  started?: string;
  space?: string;
  id?: string;
}

/** Runs `work` while holding the lock file at `path`. Waits while another process has it. */
export function withLock<T>(path: string, work: () => Promise<T>): Promise<T>;

/**
 * Takes the lock file at `path`, whose folder is there, or tells who has it.
 * @param options milliseconds that a holder elsewhere may be silent for: longer than it may compute without a pause
 */
export function tryLock(
  path: string,
  options: { goneAfter: number },
): { release(): void; holder?: undefined } | { holder: Holder; release?: undefined };

/** Whether a holder's number means the same process here: on this machine since it was started, in this container. */
export function isOfHere(holder: Holder): boolean;

/** Whether this machine has a process of this number. */
export function isRunning(pid: number): boolean;
