import type { FastifyInstance } from "fastify";
import type { RouteContext } from "./context.js";

/** `GET /healthz`: the server runs. `GET /readyz`: it takes requests. `GET /metrics`: for Prometheus. */
export function addHealthRoutes(app: FastifyInstance, { notReady, metrics }: RouteContext): void {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async (_, reply) => {
    const reason = notReady();
    if (reason === undefined) return { status: "ready" };
    return reply.code(503).header("Retry-After", "1").send({ status: "not ready", reason });
  });
  app.get("/metrics", async (_, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
