/**
 * The input of the measurement `training`, the same for this project and for PyTorch: a prepared folder `data` of drawn
 * birds and a run folder `run` with a briefly trained DAMSM. And the check that both take the same steps on it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../packages/addons/lib/command.mjs";
import { Failure } from "../packages/addons/lib/failure.mjs";
import { ROOT } from "../scripts/setup.mjs";
import { PYTHON } from "./python.mjs";

export const TRAINED_PRESETS = ["birds-64", "emoji-64"];

/**
 * Makes the folder. One DAMSM serves all presets: they have the same text encoder and image encoder.
 *
 * @returns {Promise<string>}
 */
export async function makeTrainingFolder() {
  const folder = mkdtempSync(join(tmpdir(), "sdgan-bench-"));
  const [data, trained] = [join(folder, "data"), join(folder, "run")];
  await sdgan("prepare", "birds", "--species", "40", "--images", "10", "--out", data);
  const damsm = ["--config", "birds-64", "--data", data, "--run", trained, "--steps", "20"];
  await sdgan("train", "damsm", ...damsm);
  return folder;
}

/**
 * In float64 rounding has no part, so three steps of both agree in all digits but the last. In float32, Adam's first steps
 * depend on the signs of tiny gradients, so it is one step there; it shows that the fast kernels compute the same.
 */
const CHECKS = [
  { dtype: "float64", steps: 3, most: 1e-9 },
  { dtype: "float32", steps: 1, most: 1e-3 },
];

/**
 * Checks that PyTorch's steps, as published and tuned, are this project's: all losses and logged values, the averaged
 * generator, and the images of the loader.
 *
 * @param {string} folder from `makeTrainingFolder`
 * @returns {Promise<string[]>} what was found, in words
 * @throws {Failure} if they differ
 */
export async function checkTraining(folder) {
  const file = join(folder, "steps.safetensors");
  const found = [];
  for (const preset of TRAINED_PRESETS) {
    for (const { dtype, steps, most } of CHECKS) {
      const options = { preset, folder, file, dtype, steps };
      await output(process.execPath, ["bench/measure.mjs", "writeSteps", JSON.stringify(options)]);
      for (const tuned of [false, true]) {
        const what = JSON.stringify({ path: file, folder, tuned });
        const { worst, name, images } = JSON.parse(
          await output(PYTHON, ["bench/rival/measure.py", "check-sdgan", what]),
        );
        const how = `${preset}, ${dtype}${tuned ? ", tuned" : ""}`;
        if (!(worst < most && images < 1e-6))
          throw new Failure(
            `bench/rival does not take this project's steps (${how}): ${name} differs by ${worst}, expected less than ` +
              `${most}; images differ by ${images}, expected less than 1e-6`,
          );
        found.push(`${how}: ${steps} ${steps === 1 ? "step" : "steps"} within ${worst.toExponential(1)}`);
      }
    }
  }
  rmSync(file);
  return found;
}

/** @param {string[]} args */
function sdgan(...args) {
  return output(process.execPath, ["packages/sdgan/bin/sdgan.js", ...args]);
}

/**
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<string>} its standard output
 */
async function output(program, args) {
  const { code, stdout, output } = await run(program, args, { cwd: ROOT });
  if (code !== 0) throw new Failure(`${program} ${args.join(" ")} failed:\n${output.trim().slice(-2000)}`);
  return stdout;
}
