import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Limits } from "./limits.js";

interface Connection {
  /** Requests whose answers have not been sent. */
  unanswered: number;
  /** Bytes that had arrived when the last answer was sent. */
  bytes: number;
}

/**
 * Keeps connections open between requests, and bounds their number.
 *
 * Clients are told a shorter time than that after which the server closes an idle connection (`idleMs`): a request that is
 * sent in the moment of its end is lost. At the limit the connection that has been idle for the longest time is closed, so
 * that idle connections never take the places of new ones; if none is idle, the new one is closed. When the server stops,
 * idle connections are closed at once, and the others after their answers.
 */
export function keepConnections(
  app: FastifyInstance,
  { connections: most, idleMs }: Pick<Limits, "connections" | "idleMs">,
): void {
  const server: Server = app.server;
  /** In the order of their arrival. */
  const open = new Map<Socket, Connection>();
  /** Connections whose requests are answered; that which has been idle for the longest time is the first. */
  const idle = new Set<Socket>();
  let stopping = false;
  let checking = false;

  const forget = (socket: Socket) => {
    open.delete(socket);
    idle.delete(socket);
  };
  const close = (socket: Socket) => {
    forget(socket);
    socket.destroy();
  };
  // Otherwise the next request has begun to arrive.
  const isQuiet = (socket: Socket) => socket.bytesRead === open.get(socket)!.bytes;
  const longestIdle = () => {
    for (const socket of idle) if (isQuiet(socket)) return socket;
    return idle.values().next().value;
  };
  const closeBeyondLimit = () => {
    checking = false;
    while (open.size > most) close(longestIdle() ?? [...open.keys()].at(-1)!);
  };

  // Until `closeBeyondLimit` there may be more than `most`; Node closes what is beyond this number at once.
  server.maxConnections = 2 * most;
  server.on("connection", (socket) => {
    if (open.size >= most && idle.size === 0) {
      socket.destroy();
      return;
    }
    open.set(socket, { unanswered: 0, bytes: 0 });
    socket.once("close", () => forget(socket));
    if (open.size <= most || checking) return;
    checking = true;
    // Requests that have arrived on idle connections are read before.
    setImmediate(closeBeyondLimit);
  });
  server.on("request", ({ socket }, response) => {
    const connection = open.get(socket);
    if (!connection) return;
    connection.unanswered += 1;
    idle.delete(socket);
    response.once("close", () => {
      connection.unanswered -= 1;
      if (connection.unanswered > 0 || !open.has(socket)) return;
      connection.bytes = socket.bytesRead;
      if (stopping) close(socket);
      else idle.add(socket);
    });
  });
  app.addHook("onSend", async (_, { raw }) => {
    // Node closes only connections that are idle when the server begins to stop.
    if (stopping) raw.shouldKeepAlive = false;
    // In place of Node's header, which has the server's own time.
    else if (raw.shouldKeepAlive) raw.setHeader("Keep-Alive", `timeout=${toldSeconds(idleMs)}`);
  });
  app.addHook("preClose", async () => {
    stopping = true;
    for (const [socket, { unanswered }] of open) if (unanswered === 0 && isQuiet(socket)) close(socket);
  });
}

function toldSeconds(idleMs: number): number {
  return Math.max(1, Math.floor((idleMs - MARGIN_MS) / 1000));
}

/** Longer than an answer and the next request are on their way. */
const MARGIN_MS = 7000;
