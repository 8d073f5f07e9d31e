/** Reads the figures of a trained and evaluated run. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type FigureName, figureKinds } from "@sdgan/core";
import { modelFile } from "../artifacts/model.js";
import { withoutDamsm } from "../evaluation/measure.js";
import { readEvaluation } from "../evaluation/read-evaluation.js";
import type { Evaluation, NetworkName } from "../evaluation/result.js";
import { readScalars } from "../run/read-events.js";
import { sha256Of } from "../util/sha256.js";
import type { Measure } from "./table.js";

/** All measures that runs are compared by, in the order of the table's columns. */
export const measures: readonly Measure[] = [
  { name: "parameters", title: "parameters of the generator", tested: false },
  { name: "secondsPerStep", title: "seconds per step", better: "lower", tested: false },
  ...Object.entries(figureKinds).map(([name, { title, better }]) => ({
    ...{ name, title, better: better === "neither" ? undefined : better },
  })),
];

/**
 * Settings of an evaluation. They must be equal for all runs of an ablation, so that figures are comparable.
 */
export interface EvaluationSetting {
  steps: number;
  /** The prepared folder, and the SHA-256 of its index, which identifies the data. */
  data: string;
  dataSha256: string;
  /** Number of captions that images are generated from. */
  images: number;
  /** SHA-256 of the weights of the feature networks. */
  networks: Partial<Record<NetworkName, string>>;
}

/** Whether the run was evaluated with this setting. */
export function isEvaluated(
  folder: string,
  { steps, dataSha256, images, networks }: EvaluationSetting,
): boolean {
  const found = readEvaluation(folder);
  if (!found) return false;
  const names = Object.keys({ ...networks, ...found.networks }) as NetworkName[];
  const tooFew = found.leftOut.some(({ metric, why }) => metric === "rPrecision" && why !== withoutDamsm);
  return (
    found.step === steps &&
    found.seed === 0 &&
    found.images === images &&
    found.data.sha256 === dataSha256 &&
    found.data.split === "test" &&
    isModelOf(folder, found.model) &&
    names.every((name) => found.networks[name]?.sha256 === networks[name] || (name === "damsm" && tooFew))
  );
}

/** Whether the run's model is the one that was evaluated. */
function isModelOf(folder: string, { file, sha256 }: Evaluation["model"]): boolean {
  const path = join(folder, file);
  return file === modelFile && existsSync(path) && rememberedHash(path) === sha256;
}

/** SHA-256 of a file, cached. All runs are checked after each one, and a model may have many megabytes. */
function rememberedHash(path: string): string {
  const { size, mtimeMs } = statSync(path);
  const state = `${size} ${mtimeMs}`;
  const known = hashes.get(path);
  if (known?.state === state) return known.sha256;
  const sha256 = sha256Of(path);
  hashes.set(path, { state, sha256 });
  return sha256;
}

const hashes = new Map<string, { state: string; sha256: string }>();

/** The figures of an evaluated run, without its number of parameters. */
export function runFigures(folder: string): Record<string, number> {
  const seconds = median(readScalars(folder, "seconds/step").map(({ value }) => value));
  return { ...(seconds !== undefined && { secondsPerStep: seconds }), ...evaluated(folder, "generated") };
}

/**
 * Figures of an evaluation: of generated images, real images, or chance. Those of real images and chance are
 * equal for all runs up to random choices.
 */
export function evaluated(folder: string, what: "generated" | "real" | "chance"): Record<string, number> {
  const figures = readEvaluation(folder)?.figures ?? {};
  return Object.fromEntries(
    (Object.keys(figureKinds) as FigureName[]).flatMap((name) => {
      const value = figures[name]?.[what];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The median is robust to pauses of the machine. */
function median(values: number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}
