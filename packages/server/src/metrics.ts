import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Scheduler } from "./inference/scheduler.js";

/** What the server counts, for Prometheus. */
export type Metrics = ReturnType<typeof makeMetrics>;

/** @param scheduler undefined until the models are loaded */
export function makeMetrics(scheduler: () => Scheduler | undefined) {
  const registry = new Registry();
  const registers = [registry];
  // Memory, processor time and delays of the event loop.
  collectDefaultMetrics({ register: registry });
  const held = (name: string, help: string, count: (of: Scheduler) => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        const found = scheduler();
        this.set(found ? count(found) : 0);
      },
    });
  held("sdgan_queue_images", "Images that wait", ({ waiting }) => waiting);
  held("sdgan_running_images", "Images that are computed", ({ running }) => running);
  return {
    registry,
    requests: new Counter({
      ...{ name: "sdgan_requests_total", help: "Answered requests", registers },
      labelNames: ["route", "method", "status"] as const,
    }),
    seconds: new Histogram({
      ...{ name: "sdgan_request_seconds", help: "Time from a request's headers to its answer", registers },
      labelNames: ["route"] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    }),
    images: new Counter({
      ...{ name: "sdgan_images_total", help: "Generated images", registers },
      labelNames: ["model"] as const,
    }),
    batchImages: new Histogram({
      ...{ name: "sdgan_batch_images", help: "Images that were computed together", registers },
      buckets: [1, 2, 4, 8, 16, 32],
    }),
    batchSeconds: new Histogram({
      ...{ name: "sdgan_batch_seconds", help: "Time of a batch", registers },
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    }),
    abandoned: new Counter({
      ...{ name: "sdgan_abandoned_requests_total", help: "Requests whose client closed", registers },
    }),
    restarts: new Counter({
      ...{ name: "sdgan_inference_restarts_total", help: "Inference processes that ended", registers },
    }),
    lostLogLines: new Counter({
      ...{ name: "sdgan_log_lines_lost_total", help: "Log lines that could not be written", registers },
    }),
  };
}
