/** Kills or stops a random process of a training at a random moment, again and again. */
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../distributed/launch.js";
import { type FaultRuns, stepsOfRun } from "./fault-runs.js";
import { codesWithin, endAll, faultOf, startPlaced } from "./placed.js";

export interface FaultOptions {
  times: number;
  /** Of the random choices. */
  seed: number;
  /** SDGAN_TIMEOUT: seconds after which a silent process counts as lost. */
  timeout: number;
  /** Seconds beyond the timeout that the others may take to end. */
  margin: number;
  say(line: string): void;
}

/**
 * With 2 and 3 processes in turn. The others must end in time, each with a message that names the process, and the resumed
 * run must have the bytes of an undisturbed one. Every fifth process, on average, is stopped by SIGSTOP instead of killed by
 * SIGKILL; it continues after the others have ended, and must then end too.
 *
 * @returns the number of failures
 */
export async function killProcesses(
  runs: FaultRuns,
  { times, seed, timeout, margin, say }: FaultOptions,
): Promise<number> {
  const random = randomNumbers(seed);
  let failures = 0;
  for (let i = 1; i <= times; i++) {
    const worldSize = 2 + (i % 2);
    const place = { worldSize, timeout };
    const { start, step } = await runs.undisturbed(place);
    const victim = Math.floor(random() * worldSize);
    const signal = random() < 0.2 ? "SIGSTOP" : "SIGKILL";
    // One in ten at the start, before the first step.
    const after = random() < 0.1 ? 0 : 1 + Math.floor(random() * (stepsOfRun - 1));
    const delay = after === 0 ? random() * start : random() * 1.5 * step;
    const name = `kill-${i}`;
    const what = `${i}: ${signal} to process ${victim} of ${worldSize}`;
    const processes = startPlaced(runs.begin(name), { ...place, port: await freePort() });
    await runs.reached(name, after, processes);
    await sleep(1000 * delay);
    const { child, ended } = processes[victim]!;
    const wasAlive = child.kill(signal);
    const at = performance.now();
    const reached = runs.stepsOf(name);
    const others = processes.filter(({ rank }) => rank !== victim);
    // Processes that have started wait ten times as long for the others.
    const limit = reached > 0 ? timeout : 10 * timeout + start;
    const codes = await codesWithin(others, limit + margin);
    const seconds = (performance.now() - at) / 1000;
    if (codes.every((code) => code === 0) && runs.hash(name) === (await runs.undisturbed(place)).hash) {
      child.kill("SIGCONT");
      await endAll(processes);
      say(`- ${what}: training was complete${wasAlive ? "" : " before"}; drawn again`);
      i -= 1;
      continue;
    }
    let fault = faultOf(others, codes, () => victim);
    if (signal === "SIGSTOP") {
      child.kill("SIGCONT");
      const [code] = await codesWithin([processes[victim]!], timeout + margin);
      if (code === undefined || code === 0)
        fault ??= `process ${victim} ${code === 0 ? "ended with code 0" : "still runs"} after SIGCONT`;
    }
    await endAll(processes);
    await ended;
    fault ??= await runs.faultAfterResume(name, place);
    const when = reached === 0 ? `${delay.toFixed(1)} s after the start` : `after step ${reached}`;
    if (fault) failures += 1;
    say(
      `${fault ? "✗" : "✓"} ${what} ${when}: ${fault ?? `the others ended in ${seconds.toFixed(1)} s, resumed to the same bytes`}`,
    );
  }
  return failures;
}

/** Uniform numbers in 0 … 1, the same for a seed: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
