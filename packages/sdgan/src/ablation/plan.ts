/** Which runs an ablation has, and where they lie. */

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
  /** As `--set` takes them, over the ablation's own configuration. */
  settings: string[];
  config: Config;
}

export interface PlanOptions {
  /** A preset or a file, and what is set over it: what all variants have in common. */
  config: string;
  set?: readonly string[];
  out: string;
  /** Names of variants. */
  variants: readonly string[];
  seeds: readonly number[];
}

/**
 * The runs, seed by seed, so that all variants can be compared early. Of variants that the configuration makes equal
 * only the first of the table is run.
 * @throws UserError for a name that is not a variant's
 */
export function planRuns({ config, set = [], out, variants: names, seeds }: PlanOptions): PlannedRun[] {
  const chosen = [...new Set(names.map((name) => firstEqual(variantNamed(name), config, set)))];
  return seeds.flatMap((seed) =>
    variants
      .filter((variant) => chosen.includes(variant))
      .map((variant) => {
        const settings = [...set, ...settingsOf(variant, loadConfig(config, set)), `seed=${seed}`];
        const folder = runFolder(out, variant.name, seed);
        return { variant, seed, folder, settings, config: loadConfig(config, settings) };
      }),
  );
}

/** Variants that are another one's equal under this configuration: name → the other's name. */
export function equalVariants(config: string, set: readonly string[] = []): Map<string, string> {
  const pairs = variants.map((variant) => [variant.name, firstEqual(variant, config, set).name] as const);
  return new Map(pairs.filter(([name, first]) => name !== first));
}

export function runFolder(out: string, variant: string, seed: number): string {
  return join(out, "runs", variant, `seed-${seed}`);
}

/**
 * Refuses a run that is there already and was not made by this plan.
 * @throws UserError
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

function variantNamed(name: string): Variant {
  const variant = variants.find((one) => one.name === name);
  if (variant) return variant;
  const names = variants.map((one) => one.name);
  const guess = nearest(name, names);
  throw new UserError(
    `--variants: no variant ${JSON.stringify(name)}${guess ? `; did you mean ${guess}?` : ""} ` +
      `Variants are ${names.join(", ")}`,
    { code: "usage" },
  );
}

/** The first variant of the table that has the same configuration. */
function firstEqual(variant: Variant, config: string, set: readonly string[]): Variant {
  const base = loadConfig(config, set);
  const resolved = (one: Variant) => formatConfig(loadConfig(config, [...set, ...settingsOf(one, base)]));
  const own = resolved(variant);
  return variants.find((one) => resolved(one) === own)!;
}
