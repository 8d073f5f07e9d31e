/**
 * The program of a thread of process 0, to which all processes are connected: see `meetings.ts`. It is a thread so that it
 * answers while process 0 computes.
 *
 * Lines from a process: "hello TOKEN RANK", "here N" when it arrives at meeting N, "bye". Lines to it: "go N" when all have
 * arrived, "lost RANK" when a process's connection ended without "bye", "lost RANK silent" when its thread of `meeting-pulse.ts`
 * has been silent for the timeout, and "alive" every second. That thread writes "pulse TOKEN RANK", then "alive" every second.
 */
import { createServer, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { HubData } from "./meetings.js";

const { token, worldSize, host, timeoutMs } = workerData as HubData;
const connected = new Map<number, Socket>();
const arrived = new Map<number, Set<number>>();
/** When each process's thread was last heard. */
const heard = new Map<number, number>();
let lost: string | undefined;

/** Longer lines are not of a process of this training. */
const longestLine = 200;

const server = createServer((socket) => {
  let [rank, left, rest]: [number | undefined, boolean, string] = [undefined, false, ""];
  let pulse: number | undefined;
  socket.setEncoding("utf8").setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    if (rest.length > longestLine) return socket.destroy();
    for (const line of lines) {
      const [word, ...values] = line.split(" ");
      if (pulse !== undefined) {
        if (connected.has(pulse)) heard.set(pulse, performance.now());
      } else if (rank === undefined) {
        const given = Number(values[1]);
        if (word === "pulse" && values[0] === token && connected.has(given)) {
          pulse = given;
          heard.set(pulse, performance.now());
          continue;
        }
        if (word !== "hello" || values[0] !== token || !isRank(given)) return socket.destroy();
        rank = given;
        connected.set(rank, socket);
        heard.set(rank, performance.now());
        if (lost !== undefined) socket.write(`lost ${lost}\n`);
      } else if (word === "here") arrive(rank, Number(values[0]));
      else if (word === "bye") left = true;
    }
  });
  socket.on("close", () => {
    if (rank === undefined) return;
    connected.delete(rank);
    heard.delete(rank);
    if (!left) lose(String(rank));
  });
});

server.on("error", (error) => {
  throw error;
});
server.listen(0, host, () => parentPort!.postMessage((server.address() as { port: number }).port));

let checked = performance.now();
setInterval(() => {
  tellAll("alive");
  const now = performance.now();
  // If this process was stopped itself, it could not hear the others.
  if (now - checked > timeoutMs / 2) for (const rank of heard.keys()) heard.set(rank, now);
  checked = now;
  for (const [rank, at] of heard) if (now - at > timeoutMs) lose(`${rank} silent`);
}, 1000);

/** Tells all which process is lost; only the first one, since others end because of it. */
function lose(which: string): void {
  if (lost !== undefined) return;
  lost = which;
  tellAll(`lost ${lost}`);
}

function arrive(rank: number, meeting: number): void {
  const ranks = arrived.get(meeting) ?? new Set();
  arrived.set(meeting, ranks.add(rank));
  if (ranks.size < worldSize) return;
  arrived.delete(meeting);
  tellAll(`go ${meeting}`);
}

function tellAll(line: string): void {
  for (const socket of connected.values()) socket.write(`${line}\n`);
}

function isRank(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < worldSize && !connected.has(value);
}
