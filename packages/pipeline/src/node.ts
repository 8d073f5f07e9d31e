/** The entry for Node, Deno and Bun. */
import { UserError } from "@sdgan/core";
import { nodeSource } from "./node/source.js";
import { type Pipeline, type PipelineOptions, pipelineOn } from "./pipeline.js";
import { type Ort, ortRuntime, type Runtime } from "./runtime.js";

export * from "./exports.js";

/** Loads a model from a folder, a URL or the box, to run on the processor (`onnxruntime-node`). */
export const pipeline: Pipeline = pipelineOn({ source: nodeSource, runtime: onProcessor });

async function onProcessor({ device = "cpu", threads }: PipelineOptions): Promise<Runtime> {
  if (device !== "cpu")
    throw new UserError(`pipeline: the device is ${device}; expected "cpu" in Node.`, {
      code: "device.unavailable",
    });
  let ort: Ort;
  // Otherwise it sends data about models and machine to its maker, and writes a machine's identifier, on all platforms but Windows.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  try {
    ort = (await import("onnxruntime-node")) as unknown as Ort;
  } catch (cause) {
    throw new UserError(
      `onnxruntime-node does not run here: ${String(Object(cause).message ?? cause).split("\n")[0]}. It has binaries for Linux (glibc) and Windows on x64 and arm64, and for macOS on arm64; on these, install it again: npm install onnxruntime-node --ignore-scripts`,
      { code: "device.unavailable", cause },
    );
  }
  return ortRuntime(ort, "cpu", {
    executionProviders: ["cpu"],
    ...(threads !== undefined && { intraOpNumThreads: threads }),
  });
}
