/** onnxruntime, which has no binaries for some platforms. */
import { UserError } from "@sdgan/core";
import type { InferenceSession } from "onnxruntime-node";

type Runtime = typeof import("onnxruntime-node");

/** @throws UserError with the remedy if onnxruntime-node cannot be loaded */
export async function loadRuntime(): Promise<Runtime> {
  // As in `@sdgan/pipeline`: otherwise it sends data about models and machine to its maker.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw new UserError(
      `onnxruntime-node cannot be loaded (${String((cause as Error).message).split("\n")[0]}), and an export is ` +
        "checked with it. Install it: npm install onnxruntime-node --ignore-scripts",
      { code: "file.missing", cause },
    );
  }
}

/** A file of an exported model, loaded for the processor. */
export function openSession({ InferenceSession }: Runtime, file: string): Promise<InferenceSession> {
  // Messages below errors would be warnings about unused inputs, such as the lengths where nothing attends to words.
  return InferenceSession.create(file, { executionProviders: ["cpu"], logSeverityLevel: 3 });
}
