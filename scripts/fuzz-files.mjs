/**
 * Reads broken and hostile pickles, PyTorch checkpoints and safetensors: changed bits, lengths, order and depth,
 * overlapping entries, false sizes, entries that unpack without end. Each file must be read, or refused with one clear
 * error, within 5 seconds and 500 MiB.
 *
 *   node scripts/fuzz-files.mjs [--cases 3000] [--seed 1]
 */
import "./node-version.mjs";
import { Failure, runAsProgram } from "../packages/addons/lib/failure.mjs";
import { runFilesFuzz } from "../packages/torch/src/testing/files/run.mjs";
import { fuzzOptions } from "./fuzz-options.mjs";
import { setUp } from "./setup.mjs";

await runAsProgram(import.meta.url, async () => {
  const { cases, seed } = fuzzOptions();
  await setUp();
  const { wrong, slowest, largest, ...outcome } = runFilesFuzz(cases, seed, 3600);
  console.log(
    `${outcome.cases} files: ${outcome.read} read, ${outcome.refused} refused; ` +
      `slowest ${slowest.seconds.toFixed(1)} s (${slowest.case}); largest ${largest.mebibytes} MiB (${largest.case})`,
  );
  if (wrong.length > 0) throw new Failure(`${wrong.length} files failed:\n  ${wrong.join("\n  ")}`);
});
