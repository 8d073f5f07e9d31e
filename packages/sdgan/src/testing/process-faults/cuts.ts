/** Two processes on two hosts: the network between them is cut in the middle of training. */
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultRuns, stepsOfRun } from "./fault-runs.js";
import { Hosts } from "./hosts.js";
import { type FaultOptions, randomNumbers } from "./kills.js";
import { codesWithin, endAll, faultOf, startPlaced } from "./placed.js";

/**
 * Cuts the network at the interface of a host and in the switch between them, in turn. Both processes must end in time, each
 * with a message that names the other one, and after the network is whole again the run must resume to the same bytes.
 *
 * @returns the number of failures; undefined if this system permits no network namespaces, which `say` has explained
 */
export async function cutNetwork(
  runs: FaultRuns,
  { times, seed, timeout, margin, say }: FaultOptions,
): Promise<number | undefined> {
  let made: Hosts;
  try {
    made = new Hosts();
  } catch (error) {
    say(`- skipped: this system permits no network namespaces (${(error as Error).message})`);
    return undefined;
  }
  using hosts = made;
  const random = randomNumbers(seed);
  const place = { worldSize: 2, timeout, host: hosts.address, within: hosts.within, port: 29_500 };
  const { start, step } = await runs.undisturbed({ worldSize: 2, timeout });
  let failures = 0;
  for (let i = 1; i <= times; i++) {
    const host = random() < 0.5 ? 0 : 1;
    const how = i % 2 === 1 ? "interface" : "switch";
    const name = `cut-${i}`;
    const processes = startPlaced(runs.begin(name), place);
    const after = i % 8 === 0 ? 0 : 1 + Math.floor(random() * (stepsOfRun - 4));
    await runs.reached(name, after, processes);
    await sleep(1000 * random() * (after === 0 ? start : 1.5 * step));
    hosts.cut(host, how);
    const at = performance.now();
    const reached = runs.stepsOf(name);
    const codes = await codesWithin(processes, (reached > 0 ? timeout : 10 * timeout + start) + margin);
    const seconds = (performance.now() - at) / 1000;
    let fault = faultOf(processes, codes, (rank) => 1 - rank);
    await endAll(processes);
    hosts.mend(host);
    fault ??= await runs.faultAfterResume(name, place);
    const where =
      how === "interface" ? `at host ${host}'s interface` : `in the switch, at host ${host}'s port`;
    if (fault) failures += 1;
    say(
      `${fault ? "✗" : "✓"} ${i}: network cut ${where} after step ${reached}: ` +
        (fault ?? `both ended in ${seconds.toFixed(1)} s, resumed to the same bytes`),
    );
  }
  return failures;
}
