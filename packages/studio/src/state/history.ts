import { stored } from "./stored.js";

export interface HistoryEntry {
  prompt: string;
  seed: number;
  model: string;
}

const MOST = 30;

/** Prompts that were used, the newest first. */
export const history = stored("history", [] as HistoryEntry[], isHistory);

/** Adds an entry at the beginning; an equal one moves there. */
export function remember(entries: readonly HistoryEntry[], entry: HistoryEntry): HistoryEntry[] {
  const others = entries.filter(
    ({ prompt, seed, model }) => prompt !== entry.prompt || seed !== entry.seed || model !== entry.model,
  );
  return [entry, ...others].slice(0, MOST);
}

function isHistory(value: unknown): value is HistoryEntry[] {
  return (
    Array.isArray(value) &&
    value.every((entry) => {
      const { prompt, seed, model } = Object(entry);
      return typeof prompt === "string" && Number.isSafeInteger(seed) && typeof model === "string";
    })
  );
}
