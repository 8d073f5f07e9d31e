import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { defaultLimits } from "./limits.js";
import { listen, makeApp } from "./listen.js";

/** New connections that the system keeps for any program. */
function mostKept(): number {
  try {
    return Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8"));
  } catch {
    return 128;
  }
}

it("takes as many connections at once as it may have, without a second of waiting for any", async () => {
  const app = makeApp(defaultLimits);
  const url = new URL(await listen(app, "127.0.0.1", 0));
  onTestFinished(() => app.close());
  const count = Math.min(defaultLimits.connections - 100, mostKept());
  const sockets: Socket[] = [];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  // All before the server can take the first of them.
  const times = await Promise.all(
    Array.from({ length: count }, () => {
      const socket = connect({ port: Number(url.port), host: "127.0.0.1" });
      sockets.push(socket);
      return new Promise<number>((resolve, reject) => {
        socket.once("connect", () => resolve(performance.now()));
        socket.once("error", reject);
      });
    }),
  );
  times.sort((a, b) => a - b);
  // A connection that finds no place is tried again after one second.
  expect(times.at(-1)! - times[Math.floor(count / 3)]!).toBeLessThan(900);
});
