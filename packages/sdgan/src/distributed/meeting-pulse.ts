/**
 * The program of a thread of every process: it tells the hub every second that the process lives, also while the process
 * computes. A process that is stopped, or cut off from the network, becomes silent.
 */
import { connect } from "node:net";
import { workerData } from "node:worker_threads";
import type { PulseData } from "./meetings.js";

const { host, port, token, rank } = workerData as PulseData;
const socket = connect({ host, port });
socket.setNoDelay(true).on("error", () => {});
socket.write(`pulse ${token} ${rank}\n`);
const timer = setInterval(() => socket.write("alive\n"), 1000);
socket.on("close", () => clearInterval(timer));
socket.resume();
