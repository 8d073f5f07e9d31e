/** Runs asynchronous work one after another, in the order of the calls; a failure does not affect those after it. */
export function inTurn(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}

/**
 * Resolves after the events that wait, so that a page stays responsive: WebAssembly runs on the thread that calls it,
 * and a promise alone does not let events through. Not by a timer: browsers slow those down in hidden pages.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
