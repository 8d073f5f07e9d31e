/** A server that listens: the limits of what arrives, and what is answered to what is not HTTP. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { UserError } from "@sdgan/core";
import Fastify, { type ConnectionError, type FastifyInstance, type FastifyReply } from "fastify";
import { keepConnections } from "./connections.js";
import { ApiError } from "./errors.js";
import type { Limits } from "./limits.js";

/** A server without routes. */
export function makeApp(limits: Limits): FastifyInstance {
  const { body, headers, receiveMs, waitMs, sendMs, idleMs } = limits;
  const app = Fastify({
    ...{ bodyLimit: body, requestTimeout: receiveMs, keepAliveTimeout: idleMs },
    // Longer than a request waits, so that it ends only connections on which nothing happens.
    connectionTimeout: waitMs + sendMs + 5000,
    http: { maxHeaderSize: headers, headersTimeout: receiveMs, connectionsCheckingInterval: 1000 },
    routerOptions: { maxParamLength: 200 },
    ...{ logger: false, trustProxy: false, return503OnClosing: true, forceCloseConnections: "idle" },
    clientErrorHandler: refuseConnection,
    // A path that cannot be decoded.
    frameworkErrors(_error, _request, reply) {
      const { body } = new ApiError(400, "The address cannot be read.", { code: "invalid_request" });
      (reply as unknown as FastifyReply).code(400).send(body);
    },
  });
  keepConnections(app, limits);
  // Bodies are JSON.
  app.removeContentTypeParser("text/plain");
  return app;
}

/** @throws UserError if the address cannot be listened on */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port, backlog: BACKLOG });
  } catch (cause) {
    const { code } = Object(cause) as { code?: string };
    const reasons: Record<string, string> = {
      EADDRINUSE: "another program listens there; choose another --port, or 0 for a free one",
      EACCES: "this user may not listen there; choose a --port of at least 1024",
      EADDRNOTAVAIL: "this machine does not have this address; choose another --host",
      ENOTFOUND: "there is no such host; choose another --host",
    };
    if (code === undefined) throw cause;
    throw new UserError(
      `${host}:${port}: cannot listen there (${code}): ${reasons[code] ?? "choose another"}.`,
      {
        ...{ code: "usage", cause },
      },
    );
  }
}

/**
 * New connections that the system keeps until they are taken. One beyond it is not refused: its client tries again after
 * one second, then after three. Node's own 511 are fewer than `connections`. Linux allows up to `net.core.somaxconn`.
 */
const BACKLOG = 4096;

function refuseConnection(error: ConnectionError, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUSES[error.code] ?? 400;
  const { body } = new ApiError(status, `The request cannot be read (${error.code}).`, {
    code: status === 408 ? "timeout" : "invalid_request",
  });
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`);
  // A client that does not close either is not waited for.
  setTimeout(() => socket.destroy(), 1000).unref();
}

const STATUSES: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};
