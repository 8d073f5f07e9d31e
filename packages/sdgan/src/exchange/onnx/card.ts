/** The model card: `README.md` of an exported model, with the header that the Hugging Face hub reads. */
import type { ModelManifest } from "@sdgan/core";
import type { WeightPrecision } from "@sdgan/torch/onnx";
import { stringify } from "yaml";
import type { Comparison } from "./check.js";
import { unknown } from "./origin.js";

export interface CardDetails {
  comparison: Comparison;
  precision: WeightPrecision;
  /** Words of the vocabulary, as an example of captions. */
  words: readonly string[];
  /** Figures of an evaluation, as lines of text; empty if there is none. */
  evaluation: readonly string[];
  /** The file with the licences of the data, if the model has it. */
  licences: string | undefined;
}

/** The package that generates with such models. */
const library = "@sdgan/pipeline";

export function modelCard(manifest: ModelManifest, details: CardDetails): string {
  const { name, description, license, networks, sizes, vocabulary, tokenizer } = manifest;
  const { comparison, precision, words, evaluation, licences } = details;
  const { attentions, gammas, betas } = networks.generator;
  const width = sizes.images.at(-1)!;
  const method = gammas.length > 0 ? "SD-GAN (Yin et al., CVPR 2019)" : "AttnGAN (Xu et al., CVPR 2018)";
  return [
    `---\n${stringify(header(manifest, licences))}---`,
    `# ${name}`,
    description,
    `A text-to-image model in ONNX: ${method}, exported with sdgan ${manifest.training.version}. It ` +
      `generates images of ${width} × ${width} pixels in one pass, on a processor too. Weights are stored in ${precision}.`,
    "## Use",
    [
      "```js",
      `import { pipeline } from ${JSON.stringify(library)};`,
      "",
      `const generate = await pipeline("text-to-image", ${JSON.stringify(`./${name}`)});`,
      'const [image] = await generate("…", { seed: 7 });',
      "```",
    ].join("\n"),
    `The model knows ${vocabulary.words - 1} words (\`${vocabulary.file}\`), and reads up to ${sizes.maxWords} of a caption ` +
      `(tokenizer \`${tokenizer}\`). Other words do not affect the image. The first words: ${words.slice(1, 21).join(", ")}.`,
    "## Files",
    table([
      ["file", "inputs", "outputs"],
      [
        `\`${networks.textEncoder.file}\``,
        "`tokens` int64 [B, T], `lengths` int64 [B]",
        `\`words\` [B, ${sizes.text}, T], \`sentence\` [B, ${sizes.text}]`,
      ],
      [
        `\`${networks.generator.file}\``,
        `\`z\` [B, ${sizes.noise}], \`epsilon\` [B, ${sizes.condition}], \`words\`, \`sentence\`, \`lengths\``,
        [
          ...networks.generator.images.map(
            (output, i) => `\`${output}\` [B, 3, ${sizes.images[i]}, ${sizes.images[i]}]`,
          ),
          ...(attentions.length > 0 ? [`attention maps ${listOf(attentions)}`] : []),
          ...(gammas.length > 0 ? [`SCBN's γ_c ${listOf(gammas)} and β_c ${listOf(betas)}`] : []),
        ].join(", "),
      ],
    ]),
    "Tokens are indices of the vocabulary's words; those after a caption's end are ignored. `z` and `epsilon` are normally " +
      "distributed. Images are from −1 to 1. `model.json` describes all of this for programs, with the SHA-256 of every file.",
    `On ${comparison.captions} captions, images from onnxruntime differ from libtorch's by at most ` +
      `${comparison.image.toPrecision(2)} (values from −1 to 1).`,
    "## Training",
    trainingTable(manifest),
    ...(manifest.training.commands.length > 0
      ? ["Commands that repeat the training:", ["```sh", ...manifest.training.commands, "```"].join("\n")]
      : []),
    ...(evaluation.length > 0 ? ["## Evaluation", ["```", ...evaluation, "```"].join("\n")] : []),
    "## Limits",
    "The model generates only what its training images show, and understands only words of their captions. It reproduces " +
      "their biases. Images are not filtered.",
    "## License",
    `Weights: ${stated(license)}. Data: ${stated(manifest.training.dataLicense)}.` +
      (licences ? ` ${licences} names the authors of the data and their licenses.` : ""),
  ]
    .join("\n\n")
    .concat("\n");
}

/** https://huggingface.co/docs/hub/model-cards#model-card-metadata */
function header(
  { license, name, networks }: ModelManifest,
  licences: string | undefined,
): Record<string, unknown> {
  const isOne = /^[\w.+-]+$/.test(license) && license !== unknown && !license.startsWith("LicenseRef-");
  return {
    ...(license === unknown
      ? { license: "unknown" }
      : isOne
        ? { license: license.toLowerCase() }
        : { license: "other", license_name: license, ...(licences && { license_link: licences }) }),
    library_name: "sdgan",
    pipeline_tag: "text-to-image",
    tags: ["text-to-image", "gan", networks.generator.gammas.length > 0 ? "sd-gan" : "attngan", "onnx"],
    model_name: name,
  };
}

function trainingTable({ training }: ModelManifest): string {
  const { data, dataLicense, images, steps, seed, preset, settings, version } = training;
  return table([
    ["", ""],
    ["data", `${data}${images === undefined ? "" : `, ${images} training images`}`],
    ["license of the data", stated(dataLicense)],
    ["steps of the generator", steps === 0 ? "trained elsewhere, imported" : String(steps)],
    ["seed", String(seed)],
    ["preset", preset ?? ""],
    ["changes to the preset", settings.map((setting) => `\`${setting}\``).join(", ")],
    ["sdgan", version],
  ]);
}

const stated = (license: string) => (license === unknown ? "not stated" : license);

const listOf = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");

/** A table in Markdown; rows with an empty value are left out. */
function table([head, ...rows]: string[][]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const kept = rows.filter((row) => row.at(-1) !== "");
  return [line(head!), line(head!.map(() => "---")), ...kept.map(line)].join("\n");
}
