/** `report.html` of a run: figures, curves of the training, samples, and sections about the model. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type FigureName, figureKinds, figureTitle } from "@sdgan/core";
import type { TrainedAttributeClassifier } from "../artifacts/attribute-classifier.js";
import type { Device } from "../compute/device.js";
import type { Prepared } from "../data/prepared.js";
import { type CheckpointChoice, stepOf } from "../evaluation/best-checkpoint.js";
import { commonSize } from "../evaluation/common-size.js";
import { readEvaluation } from "../evaluation/read-evaluation.js";
import type { Evaluation } from "../evaluation/result.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { inspect } from "../generation/inspect.js";
import { type Metrics, readMetrics } from "../run/metrics.js";
import { openRun } from "../run/run-folder.js";
import { writeFileAtomic } from "../util/atomic-file.js";
import { curvesOf } from "./curves.js";
import {
  attentionSection,
  disagreementSection,
  modulationSection,
  nearestSection,
  unseenCaptions,
} from "./model-sections.js";
import { gridOf, pageOf, type Section, tableOf } from "./page.js";
import { samplesOverSteps } from "./samples.js";
import { trainingCharts } from "./training-curves.js";

export interface RunReportOptions {
  run: string;
  data: Prepared;
  /** Without it, the sections that need an attribute classifier are left out. */
  attributeClassifier?: TrainedAttributeClassifier | undefined;
  /** The checkpoint that generates; by default the newest model. */
  checkpoint?: CheckpointChoice;
  /** Seed of the choice of captions and of noise. */
  seed?: number | undefined;
  device?: Device | undefined;
}

/**
 * Writes `report.html` into the run folder, with the figures of its `evaluation.json`, and returns its path.
 */
export async function writeRunReport({
  run,
  data,
  attributeClassifier,
  checkpoint,
  seed = 0,
  device,
}: RunReportOptions): Promise<string> {
  const { samples, metrics } = openRun(run);
  const imageGenerator = new ImageGenerator(run, { checkpoint: stepOf(run, checkpoint), device });
  const size = commonSize(data, imageGenerator.sizes.at(-1)!, run);
  const choices = unseenCaptions(data, 128, seed);
  const captions = choices.slice(0, 6).map(({ text }) => text);
  const inspected = captions.slice(0, 4).map((caption) => inspect(imageGenerator, caption, seed));
  const evaluation = readEvaluation(run);
  const sections = [
    evaluation && figuresSection(evaluation),
    existsSync(metrics) ? curvesSection(readMetrics(metrics)) : undefined,
    existsSync(samples) ? await samplesSection(samples) : undefined,
    await attentionSection(inspected),
    await modulationSection(inspected),
    attributeClassifier &&
      (await nearestSection(imageGenerator, data, attributeClassifier, captions, { seed, size })),
    attributeClassifier &&
      (await disagreementSection(imageGenerator, data, attributeClassifier, choices, seed)),
  ];
  const { step } = imageGenerator.checkpoint;
  const path = join(run, "report.html");
  writeFileAtomic(
    path,
    pageOf({
      title: imageGenerator.checkpoint.run,
      lead: `The averaged generator after ${step} steps, on captions of the test split chosen with seed ${seed}.`,
      sections: sections.filter((section) => section !== undefined),
    }),
  );
  return path;
}

function figuresSection({ step, seed, figures, networks }: Evaluation): Section {
  const number = (value: number | undefined) =>
    value === undefined ? "–" : String(Number(value.toPrecision(4)));
  const rows = (Object.keys(figureKinds) as FigureName[]).flatMap((name): string[][] => {
    const figure = figures[name];
    if (!figure) return [];
    const { generated, deviation, real, chance, network, count } = figure;
    const spread = deviation === undefined ? "" : ` ± ${number(deviation)}`;
    const usedNetwork = networks[network]?.name ?? network;
    return [
      [
        ...[figureTitle(name), number(generated) + spread, number(real), number(chance)],
        ...[String(count), usedNetwork],
      ],
    ];
  });
  return {
    title: "Figures",
    about: `After ${step} steps, on captions of the test split chosen with seed ${seed}. Arrows show the better direction.`,
    body: tableOf([["figure", "generated", "real", "chance", "count", "network"], ...rows]),
  };
}

function curvesSection(metrics: readonly Metrics[]): Section | undefined {
  if (metrics.length === 0) return undefined;
  return {
    title: "Over the steps",
    about:
      "Evaluation during training, then losses; means over equal parts of the steps. Arrows show the better direction.",
    body: curvesOf(trainingCharts(metrics)),
  };
}

async function samplesSection(folder: string): Promise<Section | undefined> {
  const samples = await samplesOverSteps(folder);
  if (!samples) return undefined;
  return {
    title: "The same captions and noise, over the steps",
    about: "Samples generated during training.",
    body: gridOf(
      samples.steps.map((step) => `step ${step}`),
      samples.rows,
    ),
  };
}
