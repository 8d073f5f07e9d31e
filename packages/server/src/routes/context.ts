import type { Outbox } from "../answers.js";
import type { Limits } from "../limits.js";
import type { Metrics } from "../metrics.js";
import type { InferenceService } from "../service.js";

/** What routes use. */
export interface RouteContext {
  limits: Limits;
  metrics: Metrics;
  outbox: Outbox;
  /** Whether prompts are logged. */
  logPrompts: boolean;
  /** @throws ApiError 503 while the models are loaded */
  service(): InferenceService;
  /** Why the server takes no work now; undefined if it does. */
  notReady(): string | undefined;
}

declare module "fastify" {
  interface FastifyRequest {
    /** The name of the API key. */
    keyName: string | undefined;
    /** For the log. */
    noted: Record<string, unknown> | undefined;
  }
}
