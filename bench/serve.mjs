/**
 * Measures a server on this machine: images per second one by one and in batches, with the same processes and clients;
 * then ten times that rate, of which a part must be refused. Prints JSON. Every image is compared with its request by the
 * texts in its PNG.
 *
 * Without `--separate` the clients run on the same processors as the server. At ten times the capacity their own delay is
 * part of the times that they see, so that the server's times, from a request's headers to the end of its answer, are
 * reported beside them, from its log. So are the shares of the time in which the server's main thread used a processor and
 * waited for one (Linux): a block of its event loop that is longer than its work is mostly waiting. With `--separate` (Linux,
 * taskset of util-linux) the server and its inference processes have the second half of the processors that this process may
 * use, and the clients the first half.
 *
 * Every request asks for one image. `--queue` limits the images that wait and those that are computed, together. An accepted
 * image is therefore ready after at most
 *   bound = (images that wait + images that are computed, at most `--queue`) × service time of an image under this load,
 * with the service time (`serviceMs`) as all processes together have it: the seconds of the measurement at ten times the
 * capacity, divided by the images that were accepted in it. That is the mean: a queue that is always full has this mean time
 * to an answer, so its 99th percentile is above it wherever service times vary. `imagesUntilAnswer` counts the queue itself:
 * how many images were ready from a request to its answer.
 *
 *   node bench/serve.mjs --model models/birds [--threads 1] [--seconds 20] [--queue 64] [--words small,red,bird] [--separate]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { send } from "../packages/server/dist/testing/client.js";
import { load, percentile } from "../packages/server/dist/testing/load.js";
import { separateProcessors } from "./processors.mjs";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    threads: { type: "string", default: "1" },
    seconds: { type: "string", default: "20" },
    queue: { type: "string", default: "64" },
    words: { type: "string", default: "small,red,bird,black,wings,long,tail" },
    separate: { type: "boolean", default: false },
  },
});
if (!values.model) throw new Error("Usage: node bench/serve.mjs --model <folder>");
const [processes, seconds, queue] = [values.threads, values.seconds, values.queue].map(Number);
const words = values.words.split(",");
/** The beginning of the server's command. */
const onItsProcessors = values.separate ? separateProcessors() : [];

const oneByOne = await measured(["--batch", "1"], ({ url }) => load(url, { words, seconds, clients: queue }));
const batches = await measured([], ({ url }) => load(url, { words, seconds, clients: queue }));
const capacity = batches.accepted.length / batches.seconds;
const overload = await measured([], async (server) => {
  // Memory is compared after the first seconds, in which caches and buffers grow.
  await load(server.url, { words, seconds: Math.min(5, seconds), rate: 10 * capacity });
  const before = await stateOf(server);
  const start = Date.now();
  const clientLag = monitorEventLoopDelay();
  clientLag.enable();
  const result = await load(server.url, { words, seconds, rate: 10 * capacity });
  clientLag.disable();
  const after = await stateOf(server);
  const logged = await server.logged(start);
  return {
    ...result,
    logged,
    mainThread: sharesOf(before, after),
    memory: after.memory / before.memory,
    lag: after.lag,
    clientLag: clientLag.max / 1e6,
  };
});
const serviceMs = (1000 * overload.seconds) / overload.accepted.length;
const rate = ({ accepted, seconds }) => round(accepted.length / seconds);
console.log(
  JSON.stringify(
    {
      ...{ processes, queue, separate: values.separate },
      ...{ imagesPerSecond: { oneByOne: rate(oneByOne), batches: rate(batches) } },
      ratio: round(rate(batches) / rate(oneByOne)),
      overload: {
        requestsPerSecond: round(10 * capacity),
        ...{
          accepted: overload.accepted.length,
          refused: overload.refused.length,
          wrong: overload.wrong.slice(0, 5),
        },
        ...{ serviceMs: round(serviceMs), bound: round(queue * serviceMs) },
        acceptedMs: { server: times(overload.logged.ms(200)), client: times(overload.accepted) },
        imagesUntilAnswer: times(overload.logged.imagesUntilAnswer()),
        refusedMs: { server: times(overload.logged.ms(503)), client: times(overload.refused) },
        memory: round(overload.memory),
        mainThread: overload.mainThread,
        eventLoopLagMs: { server: round(overload.lag * 1000), client: round(overload.clientLag) },
      },
    },
    undefined,
    2,
  ),
);

/** Runs `work` with a server in a process of its own. */
async function measured(more, work) {
  const program = fileURLToPath(new URL("../packages/sdgan/bin/sdgan.js", import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), "sdgan-serve-"));
  const logFile = join(folder, "log");
  const args = ["--model", values.model, "--port", "0", "--threads", values.threads, "--queue", values.queue];
  const command = [process.execPath, program, "serve", ...args, "--log-file", logFile, ...more];
  const [first, ...rest] = [...onItsProcessors, ...command];
  const child = spawn(first, rest, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (part) => {
    text += part;
  });
  while (!text.includes("serves on")) {
    if (child.exitCode !== null) throw new Error(text);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const server = {
    url: /serves on (\S+)/.exec(text)[1],
    pid: child.pid,
    logged: (since) => answersIn(logFile, since),
  };
  try {
    // Until all inference processes are ready and their code is compiled.
    await load(server.url, { words, seconds: 5, clients: 4 * processes });
    return await work(server);
  } finally {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true });
  }
}

/** What the log says of the requests for images that were answered since a time. */
async function answersIn(logFile, since) {
  // The log is written a little later.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const entries = (await readFile(logFile, "utf8"))
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .filter(({ route, time }) => route === "/v1/images/generations" && Date.parse(time) >= since)
    .map(({ status, time, ms }) => ({ status, ms, end: Date.parse(time) }));
  const of = (status) => entries.filter((entry) => entry.status === status);
  return {
    /** Milliseconds of the answers with a status, in ascending order. */
    ms: (status) =>
      of(status)
        .map(({ ms }) => ms)
        .sort(ascending),
    /** For each image, how many were ready from its request to its answer, itself included; in ascending order. */
    imagesUntilAnswer: () => {
      const ends = of(200)
        .map(({ end }) => end)
        .sort(ascending);
      return of(200)
        .map(({ ms, end }) => countUpTo(ends, end) - countUpTo(ends, end - ms))
        .sort(ascending);
    },
  };
}

/** How many of the ascending `values` are at most `limit`. */
function countUpTo(values, limit) {
  const index = values.findIndex((value) => value > limit);
  return index < 0 ? values.length : index;
}

function ascending(a, b) {
  return a - b;
}

/**
 * Memory of the server's process, the longest delay of its event loop since the last call, and milliseconds for which its
 * main thread has used a processor and has waited for one.
 */
async function stateOf({ url, pid }) {
  const { text } = await send(`${url}metrics`);
  const schedule = await readFile(`/proc/${pid}/task/${pid}/schedstat`, "utf8").catch(() => "");
  const [used, waited] = schedule.split(" ").map((nanoseconds) => Number(nanoseconds) / 1e6);
  const value = (name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)[1]);
  return {
    ...{ memory: value("process_resident_memory_bytes"), lag: value("nodejs_eventloop_lag_max_seconds") },
    ...{ at: performance.now(), used, waited },
  };
}

/** Shares of the time between two states; null where the system does not say. */
function sharesOf(before, after) {
  const share = (name) => round((after[name] - before[name]) / (after.at - before.at));
  return { used: share("used"), waited: share("waited") };
}

function times(sorted) {
  return {
    median: round(percentile(sorted, 0.5)),
    p99: round(percentile(sorted, 0.99)),
    most: round(sorted.at(-1) ?? 0),
  };
}

function round(value) {
  return Number(value.toPrecision(3));
}
