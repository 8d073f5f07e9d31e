/** The runs of an ablation, and their folders. */

import { join } from "node:path";
import { type Config, nearest, UserError } from "@sdgan/core";
import { formatConfig, loadConfig } from "../config/load.js";
import { holdsRun, openRun } from "../run/run-folder.js";
import { settingsOf, type Variant, variants } from "./variants.js";

export interface PlannedRun {
  variant: Variant;
  seed: number;
  /** `OUT/runs/VARIANT/seed-N`, a run folder. */
  folder: string;
  /** Changes to the ablation's configuration, as `--set` takes them. */
  settings: string[];
  config: Config;
}

export interface PlanOptions {
  /** A preset or a file, and changes to it. Common to all variants. */
  config: string;
  set?: readonly string[];
  out: string;
  /** Names of variants. */
  variants: readonly string[];
  seeds: readonly number[];
}

/**
 * The runs, seed by seed, so that all variants can be compared early. If variants have equal configurations,
 * only the first of the table is run.
 * @throws UserError for an unknown variant
 */
export function planRuns({ config, set = [], out, variants: names, seeds }: PlanOptions): PlannedRun[] {
  const equal = equalVariants(config, set);
  const chosen = new Set(
    names.map((name) => variantNamed(name, "--variants")).map(({ name }) => equal.get(name) ?? name),
  );
  const base = loadConfig(config, set);
  return seeds.flatMap((seed) =>
    variants
      .filter(({ name }) => chosen.has(name))
      .map((variant) => {
        const settings = [...set, ...settingsOf(variant, base), `seed=${seed}`];
        const folder = runFolder(out, variant.name, seed);
        return { variant, seed, folder, settings, config: loadConfig(config, settings) };
      }),
  );
}

/** Variants whose configuration equals that of an earlier variant: name → name of the earlier variant. */
export function equalVariants(config: string, set: readonly string[] = []): Map<string, string> {
  const firsts = new Map<string, string>();
  const pairs = resolved(config, set).map(([name, text]) => {
    const first = firsts.get(text) ?? name;
    firsts.set(text, first);
    return [name, first] as const;
  });
  return new Map(pairs.filter(([name, first]) => name !== first));
}

export function runFolder(out: string, variant: string, seed: number): string {
  return join(out, "runs", variant, `seed-${seed}`);
}

/**
 * Refuses an existing run with another configuration than planned.
 * @throws UserError if there is one
 */
export function requireAsPlanned({ folder, config }: PlannedRun): void {
  if (!holdsRun(folder)) return;
  const found = formatConfig(openRun(folder).config).split("\n");
  const at = formatConfig(config)
    .split("\n")
    .findIndex((line, i) => line !== found[i]);
  if (at < 0) return;
  throw new UserError(
    `${folder}: holds a run of another configuration (${found[at]!.trim()}): ` +
      "give the ablation's own --config and --set, or another --out",
    { code: "file.exists" },
  );
}

/** @throws UserError that begins with `option` if there is none */
export function variantNamed(name: string, option: string): Variant {
  const variant = variants.find((one) => one.name === name);
  if (variant) return variant;
  const names = variants.map((one) => one.name);
  const guess = nearest(name, names);
  throw new UserError(
    `${option}: no variant ${JSON.stringify(name)}${guess ? `; did you mean ${guess}?` : ""} ` +
      `Variants are ${names.join(", ")}`,
    { code: "usage" },
  );
}

/** Every variant's name and configuration, as text. */
function resolved(config: string, set: readonly string[]): [name: string, configuration: string][] {
  const base = loadConfig(config, set);
  return variants.map((variant) => {
    const settings = [...set, ...settingsOf(variant, base)];
    return [variant.name, formatConfig(loadConfig(config, settings))];
  });
}
