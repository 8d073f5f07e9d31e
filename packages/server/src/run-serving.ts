/** Generates images with the models of runs that were trained while the server runs. */
import { basename } from "node:path";
import { UserError } from "@sdgan/core";
import { ApiError } from "./errors.js";
import { ExportedRuns } from "./exported-runs.js";
import { isDamsm } from "./run-steps.js";
import type { InferenceService } from "./service.js";

export class RunServing implements Disposable {
  readonly #exports: ExportedRuns;
  readonly #service: () => InferenceService;
  readonly #ending = new AbortController();
  #busy = false;

  /**
   * @param program the file of the program `sdgan`
   * @param service which gets the models
   */
  constructor(program: string, service: () => InferenceService) {
    this.#exports = new ExportedRuns(program);
    this.#service = service;
  }

  /**
   * Exports a run as it is now, and serves its model.
   * @returns the name of the model
   * @throws ApiError 409 if the run has no model that can be exported, or while another is exported
   */
  async serve(folder: string): Promise<string> {
    const service = this.#service();
    if (isDamsm(folder)) throw refusal("DAMSM generates no images; expected the run of a GAN.");
    if (this.#busy) throw refusal("Another run is being exported. Try again later.");
    this.#busy = true;
    try {
      const model = await this.#exports.export(folder, this.#ending.signal);
      await service.add(model);
      return basename(model);
    } catch (error) {
      if (error instanceof UserError) throw refusal(error.message);
      throw error;
    } finally {
      this.#busy = false;
    }
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

function refusal(message: string): ApiError {
  return new ApiError(409, message, { code: "invalid_request" });
}
