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
   * @throws ApiError 409 if the run has no model that can be exported, or while another is exported
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
    const model = (async () => {
      const exported = await this.#exports.export(folder, this.#ending.signal);
      await this.#service().add(exported);
      return basename(exported);
    })();
    const current: Export = { folder, model };
    const ended = () => {
      current.endedAt = performance.now();
    };
    model.then(ended, ended);
    return current;
  }

  /** Ends an export, whose request fails. */
  stop(): void {
    this.#ending.abort();
  }

  /** Removes the exported models. */
  [Symbol.dispose](): void {
    this.#exports[Symbol.dispose]();
  }
}

interface Export {
  folder: string;
  model: Promise<string>;
  /** When it ended, by `performance.now()`. */
  endedAt?: number;
}

/** Milliseconds for which a result is kept. */
const MOST_AGE = 60_000;

function refusal(message: string): ApiError {
  return new ApiError(409, message, { code: "invalid_request" });
}
