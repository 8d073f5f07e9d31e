/**
 * Disturbs trainings in several processes, and checks that the other processes end in time with a message that names the
 * lost one, and that the resumed run has the bytes of an undisturbed one. Prints a line for each disturbance. Small networks;
 * each takes some seconds.
 *
 *   node scripts/check-processes.mjs                     kills or stops a random process at a random moment, 50 times
 *   node scripts/check-processes.mjs --namespaces        two network namespaces as two hosts; cuts the network (as root)
 *   node scripts/check-processes.mjs --torchrun          kills a worker of PyTorch's torchrun, which starts all again
 *
 *   [--times 50]  (8 with --namespaces, 4 with --torchrun)   [--seed 1]
 *   [--timeout 5]  seconds after which a silent process counts as lost   [--margin 15]  seconds beyond it
 */
import "./node-version.mjs";
import { parseArgs } from "node:util";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { values } = parseArgs({
    options: {
      namespaces: { type: "boolean", default: false },
      torchrun: { type: "boolean", default: false },
      times: { type: "string" },
      seed: { type: "string", default: "1" },
      timeout: { type: "string", default: "5" },
      margin: { type: "string", default: "15" },
    },
  });
  const { namespaces, torchrun } = values;
  if (namespaces && torchrun) throw new Failure("Give --namespaces or --torchrun, not both.");
  const times = wholeNumber("--times", values.times ?? (namespaces ? "8" : torchrun ? "4" : "50"));
  const [seed, timeout, margin] = /** @type {[number, number, number]} */ (
    /** @type {const} */ (["seed", "timeout", "margin"]).map((name) => wholeNumber(`--${name}`, values[name]))
  );
  await setUp();
  const { FaultRuns } = await import("../packages/sdgan/dist/testing/process-faults/fault-runs.js");
  const disturb = namespaces
    ? (await import("../packages/sdgan/dist/testing/process-faults/cuts.js")).cutNetwork
    : torchrun
      ? (await import("../packages/sdgan/dist/testing/process-faults/restarts.js")).restartByTorchrun
      : (await import("../packages/sdgan/dist/testing/process-faults/kills.js")).killProcesses;
  const runs = await FaultRuns.make();
  try {
    const say = (/** @type {string} */ line) => console.log(line);
    const failures = await disturb(runs, { times, seed, timeout, margin, say });
    if (failures === undefined) return;
    if (failures > 0) throw new Failure(`${failures} of ${times} disturbances failed.`);
    console.log(`✓ ${times} disturbances, each resumed to the same bytes`);
  } finally {
    runs[Symbol.dispose]();
  }
});

/**
 * @param {string} option
 * @param {string} given
 */
function wholeNumber(option, given) {
  const value = Number(given);
  if (!Number.isInteger(value) || value < 1)
    throw new Failure(`${option}: expected a whole number of at least 1, found ${given}`);
  return value;
}
