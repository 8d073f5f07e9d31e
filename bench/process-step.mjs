/**
 * One of the processes that `processes.mjs` starts: trains for some steps, or adds up tensors over processes. The first one,
 * or a single one, prints what it found as JSON.
 *
 *   node bench/process-step.mjs '{"what": "train", "preset": "cub", …}'
 *   node bench/process-step.mjs '{"what": "sweep", "bytes": [4, 1048576], "times": 10}'
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tuneProcess } from "@sdgan/torch/host";

const { what, threads = 1, ...options } = JSON.parse(process.argv[2]);
tuneProcess({ threads });
const { placementOf } = await import("../packages/sdgan/dist/distributed/environment.js");
const { joinProcesses } = await import("../packages/sdgan/dist/distributed/join.js");

const placement = placementOf(process.env);
// A step on a processor that others use too may take minutes.
const processes =
  placement && (await joinProcesses(placement, { device: "cpu", timeoutMs: 600_000, startMs: 600_000 }));
const found = await { train: trainSteps, sweep }[what](options);
await processes?.leave();
if (!placement || placement.rank === 0) console.log(JSON.stringify(found));

/** Seconds of each of `steps` steps after `warmUp` ones, with what one process sends and waits for in a step. */
async function trainSteps({ preset, folder, run, settings, warmUp, steps }) {
  const { loadConfig } = await import("../packages/sdgan/dist/config/load.js");
  const { train } = await import("../packages/sdgan/dist/training/train.js");
  const config = loadConfig(preset, settings);
  const counts = processes && countMessages(processes.group);
  const [seconds, waited] = [[], []];
  let [begin, atBegin, lo] = [0, undefined, 0];
  await train("gan", {
    ...{ data: join(folder, "data"), damsm: join(folder, "run"), run, config },
    ...{ steps: warmUp + steps, device: "cpu", processes },
    onStep(step) {
      const now = performance.now();
      if (step > warmUp) {
        seconds.push((now - begin) / 1000);
        waited.push(counts ? counts.waited - atBegin.waited : 0);
      }
      if (step === warmUp) lo = loopbackBytes();
      if (step === warmUp + steps) lo = loopbackBytes() - lo;
      atBegin = { ...counts };
      if (step === warmUp && counts) Object.assign(counts, { messages: 0, bytes: 0 });
      if (step === warmUp + steps && counts) Object.assign(counts, { perStep: { ...counts } });
      begin = performance.now();
    },
  });
  const each = counts?.perStep ?? { messages: 0, bytes: 0 };
  return {
    ...{ seconds, waited, images: config.training.batch * (config.siamese.enabled ? 2 : 1) },
    ...{ messages: each.messages / steps, bytes: each.bytes / steps, loopback: lo / steps },
  };
}

/** Counts messages, their bytes and the seconds that this thread waits for them. The gradient of a sum is a sum. */
function countMessages(group) {
  const counts = { messages: 0, bytes: 0, waited: 0 };
  const timed = (work) => {
    const begin = performance.now();
    const result = work();
    counts.waited += (performance.now() - begin) / 1000;
    return result;
  };
  const add = ({ numel, dtype }, times = 1) => {
    counts.messages += times;
    counts.bytes +=
      times * numel * (dtype === "float64" || dtype === "int64" ? 8 : dtype === "uint8" ? 1 : 4);
  };
  for (const name of ["allReduce", "broadcast", "allGather"]) {
    const start = group[name].bind(group);
    group[name] = (tensor, given) => {
      add(tensor);
      const work = start(tensor, given);
      const wait = work.wait.bind(work);
      work.wait = () => timed(wait);
      return work;
    };
  }
  const sum = group.sum.bind(group);
  group.sum = (tensor) => {
    add(tensor, tensor.requiresGrad ? 2 : 1);
    return timed(() => sum(tensor));
  };
  return counts;
}

/** Bytes that all programs of this machine, or of this network namespace, have sent to it. */
function loopbackBytes() {
  const line = readFileSync("/proc/self/net/dev", "utf8")
    .split("\n")
    .find((one) => one.trim().startsWith("lo:"));
  return Number(line.split(":")[1].trim().split(/\s+/)[8]);
}

/** Seconds of sums over processes of float32 tensors, the smallest of `times`: [bytes, seconds]. */
async function sweep({ bytes, times }) {
  const { zeros } = await import("@sdgan/torch");
  return bytes.map((size) => {
    const tensor = zeros([size / 4]);
    const measured = Array.from({ length: times + 1 }, () => {
      processes.group.barrier().wait();
      const begin = performance.now();
      processes.group.allReduce(tensor).wait();
      return (performance.now() - begin) / 1000;
    });
    return [size, Math.min(...measured.slice(1))];
  });
}
