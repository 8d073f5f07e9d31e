/**
 * Runs `prepare` on broken and hostile data, with every source: mutations of every list, table, tar file, caption file
 * and image, links and pipes in place of files, broken images and images that are huge when decoded. Each case must be
 * prepared, or refused with one clear error, within 20 seconds and 500 MiB.
 *
 *   node scripts/fuzz-data.mjs [--cases 3000] [--seed 1]
 */
import "./node-version.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { fuzzOptions } from "./fuzz-options.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { cases, seed } = fuzzOptions();
  await setUp();
  const { runDataFuzz } = await import("../packages/sdgan/dist/testing/fuzz/run-data-fuzz.js");
  const { wrong, slowest, ...outcome } = runDataFuzz(cases, seed, 3600);
  console.log(
    `${outcome.cases} cases: ${outcome.prepared} prepared, ${outcome.refused} refused; ` +
      `slowest ${slowest.seconds.toFixed(1)} s (${slowest.case}); at most ${outcome.peakMebibytes} MiB`,
  );
  if (wrong.length > 0) throw new Failure(`${wrong.length} cases failed:\n  ${wrong.join("\n  ")}`);
});
