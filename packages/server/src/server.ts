import { UserError, visible } from "@sdgan/core";
import { Outbox } from "./answers.js";
import { ApiError } from "./errors.js";
import { addAccess, addErrors, addLog } from "./hooks.js";
import { isLoopback } from "./hosts.js";
import type { Keys } from "./keys.js";
import { defaultLimits, type Limits } from "./limits.js";
import { listen, makeApp } from "./listen.js";
import { type Logger, makeLog } from "./log.js";
import { makeMetrics } from "./metrics.js";
import { openApiDocument } from "./openapi.js";
import type { RouteContext } from "./routes/context.js";
import { addHealthRoutes } from "./routes/health.js";
import { addImageRoutes } from "./routes/images.js";
import { addModelRoutes } from "./routes/models.js";
import { addPageRoutes, studioFolder } from "./routes/page.js";
import { addRunRoutes } from "./routes/runs.js";
import { RunServing } from "./run-serving.js";
import { type RunFolders, Runs } from "./runs.js";
import { InferenceService } from "./service.js";
import { type TrainingOptions, Trainings } from "./trainings.js";

export interface ServerOptions {
  /** Folders, URLs or names of models; the first is the default. */
  models: readonly string[];
  host: string;
  /** 0 for a free one. */
  port: number;
  /** Undefined where no key is asked for. */
  keys?: Keys | undefined;
  /** Listens elsewhere than on the loopback without keys. */
  noAuth?: boolean;
  /** Names in `Host` headers, beside addresses and localhost. */
  hosts?: readonly string[];
  /** Pages of other servers that may call, such as https://example.org. */
  origins?: readonly string[];
  /** Inference processes, of one thread each. */
  processes: number;
  limits?: Partial<Limits>;
  /** Run folders of trainings to watch. */
  runs?: RunFolders;
  /** Clients may start, stop and resume trainings. */
  training?: TrainingOptions | undefined;
  /** By default the standard output. */
  logFile?: string | undefined;
  logPrompts?: boolean;
}

export interface RunningServer {
  /** With a slash at its end. */
  url: string;
  /** Process ids of the inference processes. */
  inferencePids(): number[];
  /** Resolves when the server has stopped; rejects with the reason if it stopped by itself. */
  closed: Promise<void>;
  /** Finishes what it has taken, refuses the rest, and stops. */
  stop(): Promise<void>;
}

/**
 * Starts a server, and resolves when it takes requests.
 * @throws UserError if it cannot listen, or a model cannot be loaded
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host, port, keys, hosts = [], origins = [] } = options;
  refuseOpenDoor(options);
  const limits = { ...defaultLimits, ...options.limits };
  let service: InferenceService | undefined;
  const metrics = makeMetrics(() => service?.scheduler);
  const log = makeLog(options.logFile, () => metrics.lostLogLines.inc());
  const app = makeApp(limits);
  let stopping = false;
  const notReady = () =>
    stopping
      ? "stopping"
      : !service
        ? "loading"
        : service.pool.runners.length === 0
          ? "no inference"
          : undefined;
  const context: RouteContext = {
    ...{ limits, metrics, notReady, outbox: new Outbox(limits), logPrompts: options.logPrompts ?? false },
    service() {
      if (service) return service;
      throw new ApiError(503, "The models are being loaded.", { code: "server_busy", retryAfter: 1 });
    },
  };
  addErrors(app, log);
  addLog(app, log, metrics);
  await addAccess(app, {
    ...{ keys, origins, rate: limits.rate, stopping: () => stopping },
    hosts: [...hosts, host],
  });
  addHealthRoutes(app, context);
  addModelRoutes(app, context);
  addImageRoutes(app, context);
  const trainings = options.training && new Trainings(options.training);
  const serving = options.training && new RunServing(options.training.program, context.service);
  addRunRoutes(app, new Runs(options.runs ?? { runs: [], folders: [] }), { trainings, serving });
  const document = openApiDocument(limits, { keyed: keys !== undefined, training: trainings !== undefined });
  app.get("/openapi.json", async () => document);
  addPageRoutes(app, studioFolder());

  const address = await listen(app, host, port);
  const end = ending(async () => {
    stopping = true;
    const exportEnded = serving?.stop();
    if (service) await Promise.race([service.scheduler.idle(), after(limits.waitMs)]);
    // Clients that do not read their answers are not waited for.
    const impatient = setTimeout(() => app.server.closeAllConnections(), limits.sendMs);
    await Promise.all([app.close(), trainings?.end(), exportEnded]);
    clearTimeout(impatient);
    service?.pool.end();
    serving?.[Symbol.dispose]();
  });
  try {
    service = await InferenceService.start(options.models, {
      ...{ processes: options.processes, limits, metrics, log },
      onFailure: (reason) => end.fail(new UserError(`Inference processes keep ending: ${visible(reason)}.`)),
    });
  } catch (error) {
    await end.stop();
    throw error;
  }
  noteStart(log, service, address);
  return {
    url: `${address}/`,
    inferencePids: () => service!.pool.runners.flatMap(({ pid }) => pid ?? []),
    ...{ closed: end.closed, stop: end.stop },
  };
}

function noteStart(log: Logger, service: InferenceService, address: string): void {
  log.info({ address, models: [...service.models.keys()] }, "ready");
}

/** A stop that happens once, for whatever reason. */
function ending(work: () => Promise<void>) {
  let running: Promise<void> | undefined;
  let settle!: { resolve(): void; reject(error: Error): void };
  const closed = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Whoever does not wait for the end is not told of a failure either.
  closed.catch(() => {});
  const stop = () => {
    running ??= work().finally(() => settle.resolve());
    return running;
  };
  const fail = (error: Error) => {
    settle.reject(error);
    void stop();
  };
  return { closed, stop, fail };
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function refuseOpenDoor({ host, keys, noAuth, training }: ServerOptions): void {
  if (isLoopback(host) || keys) return;
  if (training)
    throw new UserError(
      `--host ${visible(host)}: other machines could start trainings without a key. Give --api-key-file FILE, or leave out --allow-training.`,
      { code: "usage" },
    );
  if (noAuth) return;
  throw new UserError(
    `--host ${visible(host)}: other machines could use this server without a key. Give --api-key-file FILE, or --no-auth if everybody may use it.`,
    { code: "usage" },
  );
}
