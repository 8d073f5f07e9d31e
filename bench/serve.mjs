/**
 * Measures a server on this machine: images per second one by one and in batches, with the same processes and clients;
 * then ten times that rate, of which a part must be refused. Prints JSON. Every image is compared with its request by the
 * texts in its PNG.
 *
 *   node bench/serve.mjs --model models/birds [--threads 1] [--seconds 20] [--queue 64] [--words small,red,bird]
 */
import { parseArgs } from "node:util";
import { startServer } from "../packages/server/dist/index.js";
import { send } from "../packages/server/dist/testing/client.js";
import { load, percentile } from "../packages/server/dist/testing/load.js";

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    threads: { type: "string", default: "1" },
    seconds: { type: "string", default: "20" },
    queue: { type: "string", default: "64" },
    words: { type: "string", default: "small,red,bird,black,wings,long,tail" },
  },
});
if (!values.model) throw new Error("Usage: node bench/serve.mjs --model <folder>");
const [processes, seconds, queue] = [values.threads, values.seconds, values.queue].map(Number);
const words = values.words.split(",");

const oneByOne = await measured({ batch: 1 }, ({ url }) => load(url, { words, seconds, clients: queue }));
const batches = await measured({}, ({ url }) => load(url, { words, seconds, clients: queue }));
const capacity = batches.accepted.length / batches.seconds;
const overload = await measured({}, async (server) => {
  // Memory is compared after the first seconds, in which caches and buffers grow.
  await load(server.url, { words, seconds: Math.min(5, seconds), rate: 10 * capacity });
  const before = await memoryOf(server);
  const result = await load(server.url, { words, seconds, rate: 10 * capacity });
  return {
    ...result,
    memory: (await memoryOf(server)) / before,
    lag: await metric(server, "nodejs_eventloop_lag_max_seconds"),
  };
});
const rate = ({ accepted, seconds }) => round(accepted.length / seconds);
console.log(
  JSON.stringify(
    {
      ...{ processes, queue, imagesPerSecond: { oneByOne: rate(oneByOne), batches: rate(batches) } },
      ratio: round(rate(batches) / rate(oneByOne)),
      overload: {
        requestsPerSecond: round(10 * capacity),
        ...{
          accepted: overload.accepted.length,
          refused: overload.refused.length,
          wrong: overload.wrong.slice(0, 5),
        },
        acceptedMs: times(overload.accepted),
        bound: round((1000 * queue) / capacity),
        refusedMs: times(overload.refused),
        memory: round(overload.memory),
        eventLoopLagMs: round(overload.lag * 1000),
      },
    },
    undefined,
    2,
  ),
);

async function measured(limits, work) {
  const server = await startServer({
    ...{ models: [values.model], host: "127.0.0.1", port: 0, processes, limits: { queue, ...limits } },
    logFile: "/dev/null",
  });
  while (server.inferencePids().length < processes) await new Promise((resolve) => setTimeout(resolve, 100));
  await load(server.url, { words, seconds: 2, clients: 4 });
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

async function metric({ url }, name) {
  const { text } = await send(`${url}metrics`);
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)[1]);
}

function memoryOf(server) {
  return metric(server, "process_resident_memory_bytes");
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
