import { quote, UserError } from "@sdgan/core";
import { type LoadProgress, type ModelSource, readModelFiles } from "./model-files.js";
import type { Device, Runtime } from "./runtime.js";
import { loadTextToImage, type TextToImage } from "./text-to-image.js";

export interface PipelineOptions {
  /**
   * What runs the networks. In Node: `cpu`. In browsers: `webgpu` where there is such a device, else `wasm`; naming one
   * of them allows no other.
   */
  device?: Device;
  /** Threads of `cpu` and `wasm`. By default all cores; in browsers one less and at most 4, and 1 in pages that are not isolated. */
  threads?: number;
  /** Called while the model's files arrive. */
  onProgress?: (progress: LoadProgress) => void;
  /** Ends loading, with the signal's reason as the error. */
  signal?: AbortSignal;
  /** The largest model that is loaded, in bytes of all files together; by default 256 MiB. */
  maxBytes?: number;
  /**
   * In browsers, where the models in the box are: the URL of the folder of the package @sdgan/models. By default
   * `models/` beside the page.
   */
  modelsUrl?: string | URL;
}

/**
 * Loads a model for a task.
 *
 * @param task `text-to-image`
 * @param model a model's folder (in Node), its URL, or the name of a model in the box (`@sdgan/models`)
 * @throws UserError if a file is missing, damaged, not that of the manifest or not safe to run, before any runtime
 *   reads it; the reason of `signal`
 */
export type Pipeline = (
  task: "text-to-image",
  model: string | URL,
  options?: PipelineOptions,
) => Promise<TextToImage>;

/** What differs between Node and browsers. */
export interface Platform {
  source(model: string | URL, options: PipelineOptions): Promise<ModelSource>;
  runtime(options: PipelineOptions): Promise<Runtime>;
}

export function pipelineOn(platform: Platform): Pipeline {
  return async (task, model, options = {}) => {
    if (task !== "text-to-image")
      throw new UserError(`pipeline: the task is ${quote(String(task))}; expected "text-to-image".`, {
        code: "usage",
      });
    if (!(typeof model === "string" || model instanceof URL) || String(model) === "")
      throw new UserError("pipeline: no model; expected a folder, a URL or the name of a model.", {
        code: "usage",
      });
    const { maxBytes = MOST_BYTES, signal, onProgress } = options;
    const source = await platform.source(model, options);
    // The runtime starts while the files arrive, and reads them when they are checked.
    const [files, runtime] = await Promise.all([
      readModelFiles(source, { maxBytes, signal, onProgress }),
      platform.runtime(options),
    ]);
    signal?.throwIfAborted();
    return loadTextToImage(files, runtime);
  };
}

/** A generator of 256 pixels at the papers' size has some 30 MB. */
const MOST_BYTES = 256 * 2 ** 20;

/** Models in the box have such names. */
export function isModelName(model: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,99}$/i.test(model);
}
