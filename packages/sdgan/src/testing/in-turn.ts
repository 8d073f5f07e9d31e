/** Calls `work` for all `items`, with `count` calls at a time. */
export async function inTurn<T>(
  items: T[],
  count: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const left = items.entries();
  const worker = async () => {
    for (const [index, item] of left) await work(item, index);
  };
  await Promise.all(Array.from({ length: count }, worker));
}
