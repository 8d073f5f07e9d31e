import { visible } from "@sdgan/core/basics";
import type { Command } from "commander";
import { commandLine } from "./command-line.js";
import { collect, requiredOption } from "./options.js";
import { withTorch } from "./with-torch.js";

/** `sdgan import attngan|weights` */
export function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("create a run folder from weights that were trained elsewhere")
    .addHelpText(
      "after",
      "\nExample:\n  npx sdgan import attngan models DAMSMencoders/bird --run runs/attngan",
    );

  const attngan = command
    .command("attngan")
    .description("AttnGAN's weights from PyTorch files, as published or as AttnGAN's code saves them")
    .argument(
      "<files...>",
      "the checkpoints and captions.pickle, in any order; a folder stands for all such files in it",
    );
  requiredOption(attngan, "--run <folder>", "the run folder to create")
    .option(
      "--config <name|file>",
      "preset or YAML file, for settings that the weights do not determine",
      "cub",
    )
    .option("--set <key=value>", "change a value of the configuration; may be repeated", collect)
    .addHelpText(
      "after",
      `
Required: the generator (bird_AttnGAN2.pth, netG_epoch_600.pth), the text encoder (text_encoder200.pth) and
captions.pickle. With image_encoder200.pth and netD*.pth the run can be trained further. The role of each file and the
widths of the networks are read from the tensors. No code in the files is executed. Both of PyTorch's file formats and
safetensors are supported, also several files with their index (netG.safetensors.index.json). Weights may be under keys
({"netG": …, "epoch": 3}) and have DataParallel's prefix.

Examples:
  npx sdgan import attngan bird_AttnGAN2.pth text_encoder200.pth birds/captions.pickle --run runs/attngan
  npx sdgan import attngan models DAMSMencoders/coco coco/captions.pickle --config coco --run runs/attngan-coco`,
    )
    .action(showAttngan);

  const weights = command
    .command("weights")
    .description("a folder of plain state_dicts, as written by sdgan export")
    .argument(
      "<folder>",
      "the folder: config.yaml, vocabulary.json, netG.safetensors, text_encoder.safetensors, …",
    );
  requiredOption(weights, "--run <folder>", "the run folder to create")
    .addHelpText(
      "after",
      `
Each network may be a safetensors file or a PyTorch file (netG.pth). image_encoder and netD0, netD1, … are optional:
without image_encoder, further training needs another DAMSM; without netD0, … it starts with new discriminators.

Example:
  npx sdgan import weights weights --run runs/changed`,
    )
    .action(showWeights);
}

async function showAttngan(
  files: string[],
  { run, config, set }: { run: string; config: string; set?: string[] },
): Promise<void> {
  const { importAttngan } = await withTorch(() => import("../exchange/import-attngan.js"));
  const imported = importAttngan({ files, run, config, ...(set && { set }) });
  const { generator } = imported.config;
  for (const { path, role } of imported.networks) console.log(`${role.padEnd(13)} ${path}`);
  for (const { path, contents } of imported.unused)
    console.log(visible(`${"not used".padEnd(13)} ${path}: no network of AttnGAN: ${contents}`));
  console.log(
    `${run}: generates images of ${generator.firstSize * 2 ** (generator.stages - 1)} pixels per side; vocabulary of ${imported.words} words`,
  );
  console.log(
    closing(
      run,
      imported.networks.some(({ role }) => role === "image"),
    ),
  );
}

async function showWeights(folder: string, { run }: { run: string }): Promise<void> {
  const { importWeights } = await withTorch(() => import("../exchange/import-weights.js"));
  const { files } = importWeights(folder, run);
  console.log(`${run}: created from ${files.join(", ")}`);
  console.log(
    closing(
      run,
      files.some((file) => file.includes("image_encoder")),
    ),
  );
}

function closing(run: string, canTrain: boolean): string {
  const generate = commandLine("generate", "--run", run, "--caption", "…", "--out", `${run}/images`);
  const train = commandLine("train", "gan", "--resume", "--data", "…", "--run", run);
  return [`Next: ${generate}`, ...(canTrain ? [`To train further: ${train}`] : [])].join("\n");
}
