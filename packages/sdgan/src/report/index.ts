/** Writes reports of run folders and of ablations. */
import { readResults } from "../ablation/results.js";
import { attributeClassifierFor, attributeClassifierOf } from "../artifacts/attribute-classifier.js";
import type { Device } from "../compute/device.js";
import { openPrepared } from "../data/prepared.js";
import { writeAblationReport } from "./ablation-report.js";
import { type RunReportOptions, writeRunReport } from "./run-report.js";

/**
 * Writes the report of a run, and returns its path.
 * @param attributeClassifier a run folder with an attribute classifier; by default `run`, if it has one
 * @throws UserError for folders that are missing or do not match
 */
export async function reportRun({
  run,
  data: folder,
  attributeClassifier: requested,
  ...options
}: {
  run: string;
  data: string;
  attributeClassifier?: string | undefined;
  device?: Device | undefined;
} & Pick<RunReportOptions, "checkpoint" | "seed">): Promise<string> {
  const data = openPrepared(folder);
  try {
    const attributeClassifier = attributeClassifierOf(run, requested, data);
    return await writeRunReport({
      ...{ run, data, ...options },
      attributeClassifier:
        attributeClassifier === undefined ? undefined : attributeClassifierFor(attributeClassifier, data),
    });
  } finally {
    data.close();
  }
}

/**
 * Writes the report of an ablation from its last results, and returns its path.
 * @throws UserError if there are no results yet
 */
export function reportAblation(out: string): Promise<string> {
  return writeAblationReport(out, readResults(out));
}
