import type { Command } from "commander";
import { addExportOnnx } from "./export-onnx.js";
import { requiredOption } from "./options.js";
import { withTorch } from "./with-torch.js";

/** `sdgan export` */
export function addExport(program: Command): void {
  const command = program
    .command("export")
    .description("write a run's networks as plain state_dicts, for PyTorch and other programs");
  requiredOption(command, "--run <folder>", "the run folder in which a GAN was trained");
  requiredOption(command, "--out <folder>", "the folder to create");
  command
    .addHelpText(
      "after",
      `
Each network becomes a safetensors file: netG (the averaged generator), text_encoder and, if the run has them,
image_encoder and netD0, netD1, …. Tensors have AttnGAN's names and shapes, so that AttnGAN's PyTorch code can load them;
layers that AttnGAN does not have (SCBN) keep this project's names. sdgan import weights creates a run from such a folder.

Example:
  npx sdgan export --run runs/birds --out weights`,
    )
    .action(show);
  addExportOnnx(command.enablePositionalOptions());
}

async function show({ run, out }: { run: string; out: string }): Promise<void> {
  const { exportRun } = await withTorch(() => import("../exchange/export-run.js"));
  const { files, step } = exportRun(run, out);
  console.log(`${out}: step ${step}: ${files.join(", ")}`);
}
