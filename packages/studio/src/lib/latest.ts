/** Runs only the latest of many calls, as while one types. */
export interface Latest<Args extends unknown[]> {
  /** Ends what runs or waits, and starts the work with these arguments: at once, or after the delay of a recent call. */
  call(...args: Args): void;
  /** Ends what runs or waits. */
  cancel(): void;
}

/**
 * @param work gets a signal that is aborted when a newer call comes. It handles its own errors
 * @param delay in milliseconds. A call that comes within it after another waits as long, and does not start if a further
 *   one follows. The first of several, and each letter of slow typing, does not wait
 */
export function latest<Args extends unknown[]>(
  work: (signal: AbortSignal, ...args: Args) => Promise<void>,
  delay: number,
): Latest<Args> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: AbortController | undefined;
  let last = Number.NEGATIVE_INFINITY;
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
      const now = performance.now();
      const recent = now - last < delay;
      last = now;
      // Not within this call: what it changed is shown first.
      timer = setTimeout(() => void work(mine.signal, ...args), recent ? delay : 0);
    },
  };
}
