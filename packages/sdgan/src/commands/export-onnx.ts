import type { Command } from "commander";
import { evaluationLines } from "./evaluation-table.js";
import { checkpointOption, requiredOption } from "./options.js";
import { withTorch } from "./with-torch.js";

/** `sdgan export onnx` */
export function addExportOnnx(parent: Command): void {
  const command = parent
    .command("onnx")
    .description("write a run as an ONNX model, which generates images without libtorch, in browsers too");
  requiredOption(command, "--run <folder>", "the run folder in which a GAN was trained");
  requiredOption(command, "--out <folder>", "the folder to create");
  command
    .addOption(
      command
        .createOption("--precision <name>", "how weights are stored; images are computed in float32")
        .choices(["float32", "float16", "int8"])
        .default("float32"),
    )
    .addOption(checkpointOption(command))
    .option("--data <folder>", "the run's prepared data, if it is no longer where it was")
    .option("--name <name>", "name of the model; by default that of the folder")
    .option("--description <sentence>", "what it generates, in one sentence")
    .option("--license <expression>", "license of the weights, an SPDX expression such as CC-BY-4.0")
    .option("--data-license <expression>", "license of the data, by default as the data states it")
    .addHelpText(
      "after",
      `
Writes text-encoder.onnx, generator.onnx, vocabulary.json, README.md (a model card for the Hugging Face hub), LICENSES.txt if the
run has it, and model.json, which describes the model and has the SHA-256 of every file. 32 captions are first generated
with onnxruntime and with libtorch; nothing is written if the images differ. docs/onnx.md describes files and precisions.

Example:
  npx sdgan export onnx --run runs/birds --out models/birds-64 --precision float16 --checkpoint best`,
    )
    .action(show);
}

interface Options {
  run: string;
  out: string;
  precision: "float32" | "float16" | "int8";
  checkpoint?: number | "best";
  data?: string;
  name?: string;
  description?: string;
  license?: string;
  dataLicense?: string;
}

async function show({ checkpoint, ...options }: Options): Promise<void> {
  const [{ exportOnnxModel }, { stepOf }, { readEvaluation }] = await withTorch(() =>
    Promise.all([
      import("../exchange/export-onnx.js"),
      import("../evaluation/best-checkpoint.js"),
      import("../evaluation/read-evaluation.js"),
    ]),
  );
  const { run, out } = options;
  const evaluation = readEvaluation(run);
  const { manifest, comparison } = await exportOnnxModel({
    ...options,
    checkpoint: stepOf(run, checkpoint),
    evaluation: evaluation && { step: evaluation.step, lines: evaluationLines(evaluation) },
  });
  for (const [name, { bytes }] of Object.entries(manifest.files))
    console.log(`${name.padEnd(18)} ${size(bytes)}`);
  console.log(
    `${out}: step ${manifest.training.steps}; ${comparison.captions} captions generated with onnxruntime differ ` +
      `from libtorch's by at most ${comparison.image.toPrecision(2)} (values from −1 to 1)`,
  );
}

function size(bytes: number): string {
  return bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}
