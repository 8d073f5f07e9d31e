/** For tests and measurements: more requests than a server can answer. */
import { Agent } from "node:http";
import { type Answer, generate, hasOwnImages } from "./client.js";

export interface LoadResult {
  /** Milliseconds of the answers with images, in ascending order. */
  accepted: number[];
  /** Milliseconds of the answers 429 and 503 with `Retry-After`. */
  refused: number[];
  /** Answers with another's image, and answers that are neither. */
  wrong: string[];
  seconds: number;
}

interface Load {
  words: readonly string[];
  seconds: number;
  /** Requests per second, sent whether or not the earlier ones are answered; … */
  rate?: number;
  /** … or clients that each wait for their answer before they ask again. */
  clients?: number;
}

/** Sends requests, each with a prompt and a seed of its own, and compares every answer with its request. */
export async function load(url: string, { words, seconds, rate, clients = 1 }: Load): Promise<LoadResult> {
  const result: LoadResult = { accepted: [], refused: [], wrong: [], seconds: 0 };
  const agent = new Agent({ keepAlive: true, maxSockets: 900 });
  const start = performance.now();
  const passed = () => (performance.now() - start) / 1000;
  let sent = 0;
  const ask = async () => {
    const seed = sent++;
    const prompt = [seed, seed >> 2, seed >> 4].map((i) => words[i % words.length]).join(" ");
    sort(await generate(url, { prompt, seed }, agent).catch(String), prompt, seed, result);
  };
  if (rate === undefined) {
    const client = async () => {
      while (passed() < seconds) await ask();
    };
    await Promise.all(Array.from({ length: clients }, client));
  } else {
    const all: Promise<void>[] = [];
    while (passed() < seconds) {
      while (sent < passed() * rate) all.push(ask());
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await Promise.all(all);
  }
  agent.destroy();
  result.seconds = passed();
  for (const times of [result.accepted, result.refused]) times.sort((a, b) => a - b);
  return result;
}

function sort(answer: Answer | string, prompt: string, seed: number, result: LoadResult): void {
  if (typeof answer === "string") result.wrong.push(answer);
  else if (answer.status === 200 && hasOwnImages(answer, prompt, seed)) result.accepted.push(answer.ms);
  else if ([429, 503].includes(answer.status) && Number(answer.headers["retry-after"]) >= 1)
    result.refused.push(answer.ms);
  else result.wrong.push(`${answer.status} ${answer.text.slice(0, 200)}`);
}

/** @param sorted in ascending order */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
