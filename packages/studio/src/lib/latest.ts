/** Runs only the latest of many calls, as while one types. */
export interface Latest<Args extends unknown[]> {
  /** Ends what runs or waits, and starts the work with these arguments after the delay. */
  call(...args: Args): void;
  /** Ends what runs or waits. */
  cancel(): void;
}

/**
 * @param work gets a signal that is aborted when a newer call comes. It handles its own errors
 * @param delay in milliseconds: a call that is followed by another within it does not start
 */
export function latest<Args extends unknown[]>(
  work: (signal: AbortSignal, ...args: Args) => Promise<void>,
  delay: number,
): Latest<Args> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: AbortController | undefined;
  const cancel = () => {
    clearTimeout(timer);
    stop?.abort();
    stop = undefined;
  };
  return {
    cancel,
    call(...args) {
      cancel();
      const mine = new AbortController();
      stop = mine;
      timer = setTimeout(() => void work(mine.signal, ...args), delay);
    },
  };
}
