/** Generates images with the models of runs that were trained while the server runs. */
import { basename } from "node:path";
import { UserError } from "@sdgan/core";
import { ApiError } from "./errors.js";
import { ExportedRuns } from "./exported-runs.js";
import { isDamsm } from "./run-steps.js";
import type { InferenceService } from "./service.js";

export class RunServing implements Disposable {
  readonly #exports: ExportedRuns;
  readonly #service: () => Pick<InferenceService, "add">;
  readonly #ending = new AbortController();
  readonly #waitMs: number;
  #current: Export | undefined;
  /** The folders of the models that are served, by name. */
  readonly #served = new Map<string, string>();

  /**
   * @param program the file of the program `sdgan`
   * @param service which gets the models
   * @param waitMs for which a request waits: connections on which nothing happens are ended
   */
  constructor(program: string, service: () => Pick<InferenceService, "add">, waitMs = 20_000) {
    this.#exports = new ExportedRuns(program);
    this.#service = service;
    this.#waitMs = waitMs;
  }

  /**
   * Exports a run as it is now, and serves its model. To be called again until it has the model.
   * @returns the name of the model; undefined while it is exported
   * @throws ApiError 409 if the run has no model that can be exported, or while another is exported; 503 if the server is
   *   stopping
   */
  async serve(folder: string): Promise<string | undefined> {
    if (isDamsm(folder)) throw refusal("DAMSM generates no images; expected the run of a GAN.");
    // A result that nobody has asked for is of an earlier state of the run.
    if (this.#current?.endedAt && performance.now() - this.#current.endedAt > MOST_AGE)
      this.#current = undefined;
    if (this.#current && this.#current.folder !== folder && !this.#current.endedAt)
      throw refusal("Another run is being exported. Try again later.");
    if (this.#current?.folder !== folder) this.#current = this.#begin(folder);
    const current = this.#current;
    const waited = new Promise<void>((resolve) => setTimeout(resolve, this.#waitMs).unref());
    try {
      const model = await Promise.race([current.model, waited]);
      if (!model) return undefined;
      this.#current = undefined;
      return model;
    } catch (error) {
      this.#current = undefined;
      if (error instanceof UserError) throw refusal(error.message);
      throw error;
    }
  }

  #begin(folder: string): Export {
    const exporting = this.#exports.export(folder, this.#ending.signal);
    const model = exporting
      .then((exported) => this.#add(exported))
      .catch((error: unknown) => {
        if (!this.#ending.signal.aborted) throw error;
        throw new ApiError(503, "The server is stopping.", { code: "server_stopping", retryAfter: 5 });
      });
    const current: Export = { folder, exporting, model };
    const ended = () => {
      current.endedAt = performance.now();
    };
    model.then(ended, ended);
    return current;
  }

  /** Serves an exported model, in place of that with its name, which is removed. */
  async #add(exported: string): Promise<string> {
    const name = basename(exported);
    try {
      await this.#service().add(exported);
    } catch (error) {
      await this.#exports.remove(exported);
      throw error;
    }
    const before = this.#served.get(name);
    this.#served.set(name, exported);
    if (before !== undefined) await this.#exports.remove(before);
    return name;
  }

  /** Ends an export, whose request is refused, and waits for its process. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#current?.exporting.catch(() => {});
  }

  /** Removes the exported models. */
  [Symbol.dispose](): void {
    this.#exports[Symbol.dispose]();
  }
}

interface Export {
  folder: string;
  /** The folder of the exported model. */
  exporting: Promise<string>;
  /** Its name, when it is served. */
  model: Promise<string>;
  /** When it ended, by `performance.now()`. */
  endedAt?: number;
}

/** Milliseconds for which a result is kept. */
const MOST_AGE = 60_000;

function refusal(message: string): ApiError {
  return new ApiError(409, message, { code: "invalid_request" });
}
