/** Exports a run as an ONNX model: a folder that generates images without libtorch. */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { formatManifest, imageSizes, type ModelManifest } from "@sdgan/core";
import type { WeightPrecision } from "@sdgan/torch/onnx";
import { loadModel } from "../artifacts/model.js";
import { dependenciesPath, readDependencies } from "../run/dependencies.js";
import { openRun } from "../run/run-folder.js";
import { syncToDisk } from "../util/atomic-file.js";
import { copyLicences } from "../util/licences.js";
import { sha256Of } from "../util/sha256.js";
import { loadVocabulary } from "../util/vocabulary-file.js";
import { makeFolderWith } from "./new-folder.js";
import { testCaptions } from "./onnx/captions.js";
import { modelCard } from "./onnx/card.js";
import { type Comparison, compare } from "./onnx/check.js";
import { exportGenerator, exportTextEncoder, type Networks } from "./onnx/networks.js";
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
  /** Version of this program, for the manifest. */
  version: string;
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
    const outputs = writeNetworks(partial, model, { textWidth: config.text.width, sizes }, precision);
    copyFileSync(folder.vocabulary, join(partial, files.vocabulary));
    copyLicences(run, partial);
    const captions = testCaptions(vocabulary, config.data.maxWords, CAPTIONS);
    const comparison = await compare(partial, { ...files, outputs }, model, captions, precision);
    const data = dataOf(existsSync(dependenciesPath(run)) ? readDependencies(run) : {}, options.data);
    const manifest: ModelManifest = {
      format: "sdgan-model",
      version: 1,
      ...identity(options, data, sizes.at(-1)!),
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
      training: training(options, data, { step: model.step, config }),
      files: {},
    };
    writeFileSync(
      join(partial, files.card),
      modelCard(manifest, { comparison, precision, vocabulary: vocabulary.words }),
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

/** Writes both files. Returns the names of the generator's outputs. */
function writeNetworks(
  folder: string,
  networks: Networks,
  { textWidth, sizes }: { textWidth: number; sizes: readonly number[] },
  precision: WeightPrecision,
) {
  writeFileSync(join(folder, files.textEncoder), exportTextEncoder(networks, precision));
  const { file, outputs } = exportGenerator(networks, { textWidth, lastSize: sizes.at(-1)! }, precision);
  writeFileSync(join(folder, files.generator), file);
  return outputs;
}

function identity(options: ExportOnnxOptions, data: DataOrigin | undefined, size: number) {
  const { out, name = basename(resolve(out)), license } = options;
  const on = data ? `, trained on ${data.index.source}` : "";
  const { description = `Generates images of ${size} × ${size} pixels from captions${on}.` } = options;
  return { name, description, license: license ?? (data?.index.source === "birds" ? "Apache-2.0" : unknown) };
}

function training(
  options: ExportOnnxOptions,
  data: DataOrigin | undefined,
  { step, config }: { step: number; config: ReturnType<typeof openRun>["config"] },
): ModelManifest["training"] {
  const { out, name = basename(resolve(out)), version } = options;
  const origin = presetOf(config);
  return {
    data: data?.index.source ?? "unknown",
    dataLicense: options.dataLicense ?? dataLicense(data),
    ...(data && { images: data.index.summary.images.train }),
    steps: step,
    seed: config.seed,
    ...origin,
    commands: data && step > 0 ? trainingCommands(origin, data, { name, step }) : [],
    version,
  };
}
