/** For tests: sends mutated requests to a server. */
import { Random } from "@sdgan/core";
import { generate, hasOwnImages } from "./client.js";
import { mutatedRequest, sendBytes } from "./mutated-requests.js";

export interface FuzzResult {
  /** Requests with their status, or without an answer. */
  statuses: Map<number | "none", number>;
  slowest: { ms: number; kind: string };
  /** Requests that were answered with 500, not in time, or after which the server did not work. */
  wrong: string[];
}

/** @param mostMs of an answer */
export async function fuzzServer(
  url: string,
  { cases, seed, mostMs }: { cases: number; seed: number; mostMs: number },
): Promise<FuzzResult> {
  const random = new Random(seed, "requests");
  const result: FuzzResult = { statuses: new Map(), slowest: { ms: 0, kind: "" }, wrong: [] };
  const port = Number(new URL(url).port);
  for (let i = 0; i < cases; i++) {
    const { kind, bytes } = mutatedRequest(random);
    const about = `case ${i}, ${kind}: ${JSON.stringify(bytes.toString("latin1").slice(0, 300))}`;
    try {
      const { statuses, ms } = await sendBytes(port, bytes, Math.max(10_000, mostMs));
      for (const status of statuses.length > 0 ? statuses : ["none" as const])
        result.statuses.set(status, (result.statuses.get(status) ?? 0) + 1);
      if (ms > result.slowest.ms) result.slowest = { ms, kind };
      if (statuses.includes(500) || ms > mostMs)
        result.wrong.push(`${about}: ${statuses.join()} after ${Math.round(ms)} ms`);
    } catch (error) {
      result.wrong.push(`${about}: ${String(error)}`);
    }
    if (i % 50 === 49) {
      const answer = await generate(url, { prompt: "red bird", seed: i });
      if (answer.status !== 200 || !hasOwnImages(answer, "red bird", i))
        result.wrong.push(`after ${about}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
  }
  return result;
}
