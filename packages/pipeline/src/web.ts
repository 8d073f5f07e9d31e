/** The entry for browsers: pages and workers. */
import { UserError, visible } from "@sdgan/core";
import { fetchSource } from "./fetch-source.js";
import type { ModelSource } from "./model-files.js";
import { isModelName, type Pipeline, type PipelineOptions, pipelineOn } from "./pipeline.js";
import { webRuntime } from "./web/runtime.js";

export * from "./exports.js";

/** Loads a model from a URL or the box, to run on WebGPU or in WebAssembly (`onnxruntime-web`). */
export const pipeline: Pipeline = pipelineOn({ source: webSource, runtime: webRuntime });

/** A name is that of a model in the box; everything else is a URL, relative to the page or the worker. */
async function webSource(
  model: string | URL,
  { modelsUrl = "models/" }: PipelineOptions,
): Promise<ModelSource> {
  const text = String(model);
  const here = globalThis.document?.baseURI ?? globalThis.location?.href;
  if (!isModelName(text)) return fetchSource(urlOf(text, here));
  const box = urlOf(String(modelsUrl), here);
  if (!box.pathname.endsWith("/")) box.pathname += "/";
  return fetchSource(new URL(`${text}/`, box));
}

function urlOf(text: string, base: string | undefined): URL {
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  // Addresses without folders, such as data: and javascript:, have no files beside them.
  if (url && URL.canParse("model.json", url.href)) return url;
  throw new UserError(`${visible(text).slice(0, 200)}: not the URL of a model's folder.`, {
    code: "usage",
  });
}
