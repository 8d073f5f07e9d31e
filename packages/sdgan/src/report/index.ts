/** Pages to look at, from folders. */
import { existsSync } from "node:fs";
import { readResults } from "../ablation/results.js";
import { openPrepared } from "../data/prepared.js";
import { UserError } from "../errors.js";
import { loadReader, readerPath } from "../evaluation/networks/reader.js";
import { writeAblationReport } from "./ablation-report.js";
import { type RunReportOptions, writeRunReport } from "./run-report.js";

/**
 * Writes the page of a run, and returns its path.
 * @param reader a run folder with a reader; by default the run itself, where it has one
 * @throws UserError for folders that are missing or do not fit
 */
export async function reportRun({
  run,
  ...folders
}: {
  run: string;
  data: string;
  reader?: string | undefined;
  checkpoint?: RunReportOptions["checkpoint"];
}): Promise<string> {
  const data = openPrepared(folders.data);
  try {
    const file = readerPath(folders.reader ?? run);
    const asked = folders.reader !== undefined || (data.attributes && existsSync(file));
    const reader = asked ? loadReader(file) : undefined;
    if (reader && JSON.stringify(reader.attributes) !== JSON.stringify(data.attributes))
      throw new UserError(
        `${folders.data}: its pictures have other attributes than the reader was trained on`,
      );
    return await writeRunReport({ run, data, reader, checkpoint: folders.checkpoint });
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
