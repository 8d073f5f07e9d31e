import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { Outbox } from "./answers.js";
import { defaultLimits } from "./limits.js";
import { listen, makeApp } from "./listen.js";

const BYTES = 2 ** 25;

/** A server with one long answer, and a connection that asks for it and does not read. */
async function unread(sendMs: number) {
  const outbox = new Outbox({ unsent: 1000, sendMs });
  const app = makeApp(defaultLimits);
  app.get("/", async (request, reply) => {
    outbox.watch(request, reply, BYTES);
    return reply.send("x".repeat(BYTES));
  });
  const url = await listen(app, "127.0.0.1", 0);
  onTestFinished(() => app.close());
  const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1" });
  socket.on("error", () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const full = () => {
    try {
      outbox.refuseIfFull();
      return false;
    } catch (error) {
      expect(error).toMatchObject({ status: 503, retryAfter: expect.any(Number) });
      return true;
    }
  };
  await expect.poll(full).toBe(true);
  return { socket, full };
}

it("a client that does not read its answer loses its connection, and its answer the place in memory", async () => {
  const { full } = await unread(200);
  await expect.poll(full, { timeout: 10_000 }).toBe(false);
});

it("an answer that is read in the end is sent whole", async () => {
  const { socket, full } = await unread(60_000);
  let bytes = 0;
  socket.on("data", (part) => {
    bytes += part.length;
  });
  socket.resume();
  await expect.poll(full, { timeout: 20_000 }).toBe(false);
  await expect.poll(() => bytes, { timeout: 10_000 }).toBeGreaterThan(BYTES);
});
