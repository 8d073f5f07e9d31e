/** Exports a run as an ONNX model: a folder that generates images without libtorch. */
import { copyFileSync, existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { formatManifest, imageSizes, type ModelManifest } from "@sdgan/core";
import type { WeightPrecision } from "@sdgan/torch/onnx";
import { loadModel } from "../artifacts/model.js";
import { dependenciesPath, readDependencies } from "../run/dependencies.js";
import { openRun } from "../run/run-folder.js";
import { syncToDisk } from "../util/atomic-file.js";
import { copyLicences, licencesFile } from "../util/licences.js";
import { sha256Of } from "../util/sha256.js";
import { version } from "../util/version.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { makeFolderWith } from "./new-folder.js";
import { testCaptions } from "./onnx/captions.js";
import { modelCard } from "./onnx/card.js";
import { agrees, type Comparison, compare, disagreement } from "./onnx/check.js";
import { exportGenerator, exportTextEncoder, type GeneratorOutputs, type Networks } from "./onnx/networks.js";
import { type DataOrigin, dataLicense, dataOf, presetOf, trainingCommands, unknown } from "./onnx/origin.js";

export interface ExportOnnxOptions {
  run: string;
  /** The folder to create. */
  out: string;
  /** How weights are stored, by default float32. */
  precision?: WeightPrecision;
  /** The step of a kept checkpoint; by default the newest model. */
  checkpoint?: number | undefined;
  /** The prepared data of the run, if it is no longer where it was. */
  data?: string | undefined;
  /** Name of the model; by default that of `out`. */
  name?: string | undefined;
  /** What it generates, in one sentence. */
  description?: string | undefined;
  /** SPDX expressions of the licenses of the weights and of the data. */
  license?: string | undefined;
  dataLicense?: string | undefined;
  /** Figures for the model card: lines of text, and the step that was evaluated. Those of another step are left out. */
  evaluation?: { step: number; lines: readonly string[] } | undefined;
}

export interface ExportedModel {
  manifest: ModelManifest;
  comparison: Comparison;
}

const files = {
  textEncoder: "text-encoder.onnx",
  generator: "generator.onnx",
  vocabulary: "vocabulary.json",
  card: "README.md",
  manifest: "model.json",
};

/** Captions that are generated with both libtorch and onnxruntime. */
const CAPTIONS = 32;

/**
 * Writes the model of `run` into the new folder `out`: both networks as ONNX files, the vocabulary, a model card, the
 * licences of the data if the run has them, and `model.json` with the SHA-256 of all. The networks are compared with
 * libtorch's on 32 captions before the folder appears.
 *
 * @throws UserError if the run has no model, `out` exists and is not empty, or the images differ; nothing is written then
 */
export function exportOnnxModel(options: ExportOnnxOptions): Promise<ExportedModel> {
  const { run, out, precision = "float32", checkpoint } = options;
  return makeFolderWith(out, async (partial) => {
    const folder = openRun(run);
    const { config } = folder;
    const vocabulary = loadVocabulary(folder.vocabulary);
    const model = loadModel(folder, {
      vocabularySize: vocabulary.size,
      compute: { device: "cpu", dtype: "float32" },
      checkpoint,
    });
    const sizes = imageSizes(config.generator).slice(0, model.generator.activeStages);
    copyFileSync(folder.vocabulary, join(partial, files.vocabulary));
    copyLicences(run, partial);
    const { outputs, comparison } = await writeNetworks(
      partial,
      model,
      { textWidth: config.text.width, lastSize: sizes.at(-1)! },
      { precision, captions: testCaptions(vocabulary, config.data.maxWords, CAPTIONS) },
    );
    const dependsOn = existsSync(dependenciesPath(run)) ? readDependencies(run) : {};
    const data = dataOf(dependsOn, options.data);
    // The licenses of what other weights were trained on are in LICENSES.txt, as far as they are known.
    const trainedAlone = dependsOn.from ? undefined : data;
    const manifest: ModelManifest = {
      format: "sdgan-model",
      version: 1,
      ...identity(options, data, sizes.at(-1)!, trainedAlone),
      networks: {
        textEncoder: { file: files.textEncoder },
        generator: { file: files.generator, ...outputs },
      },
      sizes: {
        images: sizes,
        noise: config.generator.noise,
        condition: config.generator.condition,
        text: config.text.width,
        maxWords: config.data.maxWords,
      },
      tokenizer: vocabulary.tokenizer,
      vocabulary: { file: files.vocabulary, words: vocabulary.size },
      training: training(options, data, { step: model.step, config, trainedAlone }),
      files: {},
    };
    writeFileSync(
      join(partial, files.card),
      modelCard(manifest, {
        ...{ comparison, precision, words: vocabulary.words },
        evaluation: options.evaluation?.step === model.step ? options.evaluation.lines : [],
        licences: existsSync(join(partial, licencesFile)) ? licencesFile : undefined,
      }),
    );
    for (const name of readdirSync(partial).sort())
      manifest.files[name] = {
        sha256: sha256Of(join(partial, name)),
        bytes: statSync(join(partial, name)).size,
      };
    writeFileSync(join(partial, files.manifest), formatManifest(manifest));
    for (const name of readdirSync(partial)) syncToDisk(join(partial, name));
    return { manifest, comparison };
  });
}

/**
 * Values from which on a weight is stored in the chosen precision, by the precision; smaller ones are stored more exactly.
 * The first with which the images agree is used.
 */
const smallestWeights: Record<WeightPrecision, readonly number[]> = {
  float32: [0],
  float16: [256, 4096, 16_385, 65_537, 262_145],
  int8: [4096, 16_385, 65_537],
};

/**
 * Writes both files, and compares them with the networks.
 * @throws UserError if they differ too much with every choice of `smallestWeights`
 */
async function writeNetworks(
  folder: string,
  networks: Networks,
  sizes: { textWidth: number; lastSize: number },
  { precision, captions }: { precision: WeightPrecision; captions: readonly (readonly number[])[] },
): Promise<{ outputs: GeneratorOutputs; comparison: Comparison }> {
  for (const smallestWeight of smallestWeights[precision]) {
    const stored = { weights: precision, smallestWeight };
    writeFileSync(join(folder, files.textEncoder), exportTextEncoder(networks, stored));
    const { file, outputs } = exportGenerator(networks, sizes, stored);
    writeFileSync(join(folder, files.generator), file);
    const comparison = await compare(folder, { ...files, outputs }, networks, captions);
    if (agrees(comparison, precision)) return { outputs, comparison };
    if (smallestWeight === smallestWeights[precision].at(-1)) throw disagreement(comparison, precision);
  }
  throw new Error(`no choice for ${precision}`);
}

/** @param trainedAlone the data, if nothing else was trained on */
function identity(
  options: ExportOnnxOptions,
  data: DataOrigin | undefined,
  size: number,
  trainedAlone: DataOrigin | undefined,
) {
  const { out, name = basename(resolve(out)), license } = options;
  const on = data ? `, trained on ${data.index.source}` : "";
  const { description = `Generates images of ${size} × ${size} pixels from captions${on}.` } = options;
  return {
    name,
    description,
    license: license ?? (trainedAlone?.index.source === "birds" ? "Apache-2.0" : unknown),
  };
}

function training(
  options: ExportOnnxOptions,
  data: DataOrigin | undefined,
  {
    step,
    config,
    trainedAlone,
  }: {
    step: number;
    config: ReturnType<typeof openRun>["config"];
    trainedAlone: DataOrigin | undefined;
  },
): ModelManifest["training"] {
  const { out, name = basename(resolve(out)) } = options;
  const origin = presetOf(config);
  return {
    data: data?.index.source ?? "unknown",
    dataLicense: options.dataLicense ?? dataLicense(trainedAlone),
    ...(data && { images: data.index.summary.images.train }),
    steps: step,
    seed: config.seed,
    ...origin,
    commands: trainedAlone && step > 0 ? trainingCommands(origin, trainedAlone, { name, step }) : [],
    version: version(),
  };
}
