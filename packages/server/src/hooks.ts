/** What every request passes before its route, and what every answer has. */
import rateLimit from "@fastify/rate-limit";
import type { FastifyError, FastifyInstance, FastifyRequest } from "fastify";
import { ClientGone } from "./answers.js";
import { ApiError } from "./errors.js";
import { isOwnHost, isOwnOrigin } from "./hosts.js";
import type { Keys } from "./keys.js";
import type { Logger } from "./log.js";
import type { Metrics } from "./metrics.js";

export interface Access {
  /** Undefined where no key is asked for. */
  keys: Keys | undefined;
  /** Names in `Host` headers, beside addresses and localhost. */
  hosts: readonly string[];
  /** Pages of other servers that may call, such as https://example.org. */
  origins: readonly string[];
  /** Requests per minute of a key or an address; 0 for any number. */
  rate: number;
  /** The server finishes what it has, and takes nothing new. */
  stopping(): boolean;
}

/** Refuses requests of wrong hosts and origins, without keys, and too many of them. */
export async function addAccess(app: FastifyInstance, access: Access): Promise<void> {
  app.decorateRequest("keyName", undefined);
  app.decorateRequest("noted", undefined);
  app.addHook("onRequest", async (request, reply) => {
    const { host, origin } = request.headers;
    reply.headers(HEADERS);
    if (!isOwnHost(host, access.hosts))
      throw new ApiError(
        403,
        "The Host header is not a name of this server. Start it with --allow-host NAME to allow a name.",
        { code: "forbidden_host" },
      );
    if (!isOwnOrigin(origin, host, access.origins))
      throw new ApiError(
        403,
        "Pages of this origin may not call this server. Start it with --allow-origin URL to allow them.",
        { code: "forbidden_origin" },
      );
    if (origin !== undefined && access.origins.includes(origin))
      reply.headers({ "Access-Control-Allow-Origin": origin, Vary: "Origin", ...CORS });
    if (isOpen(request)) return;
    if (access.stopping())
      throw new ApiError(503, "The server is stopping.", { code: "server_stopping", retryAfter: 5 });
    if (!access.keys) return;
    request.keyName = access.keys.nameOf(request.headers.authorization);
    if (request.keyName === undefined) {
      reply.header("WWW-Authenticate", "Bearer");
      throw new ApiError(
        401,
        "The API key is missing or wrong. Expected the header: Authorization: Bearer KEY",
        {
          code: "invalid_api_key",
        },
      );
    }
  });
  // Requests before those of a page, without a key.
  app.options("/*", async (_, reply) => reply.code(204).send());
  if (access.rate === 0) return;
  await app.register(rateLimit, {
    ...{ max: access.rate, timeWindow: 60_000, cache: 10_000, allowList: isOpen },
    keyGenerator: (request) => request.keyName ?? request.ip,
    errorResponseBuilder: (_, { max, ttl }) =>
      new ApiError(429, `More than ${max} requests in a minute. Try again later.`, {
        ...{ code: "rate_limit_exceeded", retryAfter: Math.max(1, Math.ceil(ttl / 1000)) },
      }),
  });
}

/** What needs no key: the state of the server, its description, and the files of the page. */
function isOpen(request: FastifyRequest): boolean {
  const path = request.routeOptions.url ?? "";
  return request.method === "OPTIONS" || !/^\/(v1|api|metrics)(\/|$)/.test(path);
}

const HEADERS = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

const CORS = {
  "Access-Control-Allow-Headers": "Authorization, Content-Type",
  "Access-Control-Allow-Methods": "GET, POST",
  "Access-Control-Max-Age": "600",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** Every refusal in the shape of the OpenAI API. */
export function addErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError | Error, request, reply) => {
    // Nobody reads the answer; the status is for the log.
    if (error instanceof ClientGone) return reply.code(499).send();
    const refusal = refusalOf(error);
    if (refusal.status === 500) log.error({ id: request.id, error: error.stack }, "an unexpected error");
    if (refusal.retryAfter !== undefined) reply.header("Retry-After", String(refusal.retryAfter));
    return reply.code(refusal.status).send(refusal.body);
  });
  app.setNotFoundHandler((request, reply) => {
    const others = METHODS.filter((method) => app.hasRoute({ method, url: pathOf(request) }));
    const refusal =
      others.length > 0
        ? new ApiError(405, `${request.method} is not possible here; expected ${others.join(" or ")}.`, {
            code: "method_not_allowed",
          })
        : new ApiError(404, "There is no such address. GET /openapi.json describes all.", {
            code: "not_found",
          });
    if (others.length > 0) reply.header("Allow", others.join(", "));
    return reply.code(refusal.status).send(refusal.body);
  });
}

const METHODS = ["GET", "POST"] as const;

function pathOf({ url }: FastifyRequest): string {
  return url.split("?", 1)[0]!;
}

function refusalOf(error: FastifyError | Error): ApiError {
  if (error instanceof ApiError) return error;
  const { statusCode = 500 } = error as Partial<FastifyError>;
  if (statusCode === 413) return new ApiError(413, "The body is too long.", { code: "invalid_request" });
  if (statusCode === 415)
    return new ApiError(415, "The body is not JSON; expected Content-Type: application/json.", {
      code: "invalid_request",
    });
  if (statusCode >= 400 && statusCode < 500)
    return new ApiError(
      statusCode,
      `The request cannot be read: ${error.message.slice(0, 200)}.`.replace("..", "."),
      {
        code: "invalid_request",
      },
    );
  return new ApiError(500, "The server failed.", { code: "server_error" });
}

/** Counts and logs every answered request: never a prompt, an address with a query, or a key. */
export function addLog(app: FastifyInstance, log: Logger, metrics: Metrics): void {
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const { method } = request;
    const seconds = reply.elapsedTime / 1000;
    metrics.requests.inc({ route, method, status: String(reply.statusCode) });
    metrics.seconds.observe({ route }, seconds);
    const { keyName: key, noted } = request;
    log.info({
      id: request.id,
      method,
      route,
      status: reply.statusCode,
      ms: Math.round(seconds * 1000),
      key,
      ...noted,
    });
  });
}
