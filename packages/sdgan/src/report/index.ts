/** Pages to look at, from folders. */
import { readResults } from "../ablation/results.js";
import { attributeClassifierFor, attributeClassifierOf } from "../artifacts/attribute-classifier.js";
import type { Device } from "../compute/device.js";
import { openPrepared } from "../data/prepared.js";
import { writeAblationReport } from "./ablation-report.js";
import { type RunReportOptions, writeRunReport } from "./run-report.js";

/**
 * Writes the page of a run, and returns its path.
 * @param attributeClassifier a run folder with an attribute classifier; by default the run itself, where it has one
 * @throws UserError for folders that are missing or do not fit
 */
export async function reportRun({
  run,
  data: folder,
  attributeClassifier: asked,
  ...options
}: {
  run: string;
  data: string;
  attributeClassifier?: string | undefined;
  device?: Device | undefined;
} & Pick<RunReportOptions, "checkpoint" | "seed">): Promise<string> {
  const data = openPrepared(folder);
  try {
    const attributeClassifier = attributeClassifierOf(run, asked, data);
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
 * Writes the page of an ablation by what its last table says, and returns its path.
 * @throws UserError if there is no table yet
 */
export function reportAblation(out: string): Promise<string> {
  return writeAblationReport(out, readResults(out));
}
