import { basename } from "node:path";
import { quote, UserError } from "@sdgan/core";
import { ApiError } from "./errors.js";
import type { ImageResult, ServedModel } from "./inference/messages.js";
import { Pool } from "./inference/pool.js";
import { Scheduler, type Wanted } from "./inference/scheduler.js";
import type { Limits } from "./limits.js";
import type { Logger } from "./log.js";
import type { Metrics } from "./metrics.js";

/** A model that is served. */
export interface NamedModel extends ServedModel {
  id: string;
  /** Its place among the models. */
  index: number;
}

/** Generates images with the models of a pool of inference processes. */
export class InferenceService {
  /** @throws UserError if a model cannot be loaded, or two have one name */
  static async start(
    models: readonly string[],
    { processes, limits, metrics, log, onFailure }: ServiceOptions,
  ): Promise<InferenceService> {
    let service: InferenceService | undefined;
    const pool = await Pool.start(models, processes, {
      onReady: () => service?.scheduler.pump(),
      onRestart(reason) {
        metrics.restarts.inc();
        log.warn({ reason }, "an inference process ended; another is started");
      },
      onFailure,
    });
    service = new InferenceService(pool, limits, metrics);
    if (service.#models.size === pool.models.length) return service;
    pool.end();
    const names = pool.models.map(({ manifest }) => quote(manifest.name)).join(", ");
    throw new UserError(`Two models have one name: ${names}. Export one with another --name.`, {
      code: "usage",
    });
  }

  #models: ReadonlyMap<string, NamedModel>;
  readonly scheduler: Scheduler;
  readonly #metrics: Metrics;

  private constructor(
    readonly pool: Pool,
    limits: Limits,
    metrics: Metrics,
  ) {
    this.#models = named(pool.models);
    this.#metrics = metrics;
    this.scheduler = new Scheduler(() => pool.runners, limits, {
      onBatch(images, seconds) {
        metrics.batchImages.observe(images);
        metrics.batchSeconds.observe(seconds);
      },
    });
  }

  get models(): ReadonlyMap<string, NamedModel> {
    return this.#models;
  }

  /**
   * Serves a model beside the others, or in place of that with its name.
   * @param folder whose name is that of the model
   * @throws UserError if it cannot be loaded
   */
  async add(folder: string): Promise<void> {
    const names = [...this.pool.names];
    // Images that wait are of models by their places.
    names[this.#models.get(basename(folder))?.index ?? names.length] = folder;
    await this.pool.change(names);
    this.#models = named(this.pool.models);
  }

  /** @throws ApiError 404 if there is no such model */
  model(id: string | null | undefined): NamedModel {
    const found = this.models.get(id ?? this.models.keys().next().value!);
    if (found) return found;
    const known = [...this.models.keys()].map((name) => quote(name)).join(", ");
    throw new ApiError(
      404,
      `The model ${quote(id!.slice(0, 60))} does not exist here. Models are: ${known}.`,
      {
        ...{ code: "model_not_found", param: "model" },
      },
    );
  }

  /**
   * @param size such as `64x64`, or `auto`
   * @throws ApiError 400 for another size than the model has, and what `Scheduler.submit` throws
   */
  async generate(
    model: NamedModel,
    wanted: Omit<Wanted, "model" | "size"> & { size: string | null | undefined },
    signal: AbortSignal,
  ): Promise<ImageResult[]> {
    const size = sizeOf(model, wanted.size ?? "auto");
    const results = await this.scheduler.submit({ ...wanted, size, model: model.index }, signal);
    this.#metrics.images.inc({ model: model.id }, results.length);
    return results;
  }
}

function named(models: readonly ServedModel[]): Map<string, NamedModel> {
  return new Map(
    models.map((model, index) => [model.manifest.name, { ...model, index, id: model.manifest.name }]),
  );
}

export interface ServiceOptions {
  /** Number of inference processes. */
  processes: number;
  limits: Limits;
  metrics: Metrics;
  log: Logger;
  /** There is no inference any more. */
  onFailure(reason: string): void;
}

export function sizeOf({ manifest }: NamedModel, size: string): number {
  const { images } = manifest.sizes;
  if (size === "auto") return images.at(-1)!;
  const found = images.find((side) => size === `${side}x${side}`);
  if (found) return found;
  throw new ApiError(
    400,
    `size: the model ${quote(manifest.name)} does not generate ${quote(size)}; expected ${images.map((side) => `${side}x${side}`).join(", ")} or auto.`,
    { code: "invalid_request", param: "size" },
  );
}
