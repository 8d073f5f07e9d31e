/** How a run was trained: what its folder and its data say, for the manifest and the model card. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type Config,
  configFields,
  type PresetName,
  presetLayers,
  presetNames,
  resolveConfig,
  UserError,
} from "@sdgan/core";
import type { Index } from "../../data/format.js";
import { readIndex } from "../../data/prepared.js";
import type { Dependencies } from "../../run/dependencies.js";

/** A preset, and the changes that make a run's configuration of it. */
export interface PresetOrigin {
  preset: PresetName;
  /** As in `--set`. */
  settings: string[];
}

/** The preset that needs the fewest changes. */
export function presetOf(config: Config): PresetOrigin {
  const leaves = configFields()
    .map(({ path }) => path)
    .filter((path) => !isSection(valueAt(config, path)));
  const candidates = presetNames.map((preset) => {
    const from = resolveConfig(presetLayers(preset));
    const settings = leaves
      .filter((path) => JSON.stringify(valueAt(from, path)) !== JSON.stringify(valueAt(config, path)))
      .map((path) => `${path}=${textOf(valueAt(config, path))}`);
    return { preset, settings };
  });
  return candidates.reduce((best, other) => (other.settings.length < best.settings.length ? other : best));
}

function valueAt(config: Config, path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], config);
}

const isSection = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

/** A value in YAML. */
const textOf = (value: unknown) =>
  value === "" ? '""' : typeof value === "string" ? value : JSON.stringify(value);

/** The prepared data that a run was trained on. */
export interface DataOrigin {
  index: Index;
  folder: string;
}

/**
 * The index of the run's data, from `given` or from where it was when the run began. Undefined if the run depends on no
 * data, or nothing is given and the data is no longer there.
 * @throws UserError if `given` is other data
 */
export function dataOf({ data }: Dependencies, given: string | undefined): DataOrigin | undefined {
  if (given !== undefined) {
    const { index, sha256 } = readIndex(given);
    if (data && data.sha256 !== sha256)
      throw new UserError(
        `--data ${given}: is not the data of this run: its index.json has SHA-256 ${sha256.slice(0, 12)}, ` +
          `and the run's dependencies.json records ${data.sha256.slice(0, 12)} of ${data.folder}`,
        { code: "data.mismatch" },
      );
    return { index, folder: given };
  }
  if (!data || !existsSync(join(data.folder, "index.json"))) return undefined;
  const { index, sha256 } = readIndex(data.folder);
  return sha256 === data.sha256 ? { index, folder: data.folder } : undefined;
}

/** The licences of the data, an SPDX expression; sdgan renders its birds itself. */
export function dataLicense(data: DataOrigin | undefined): string {
  if (!data) return unknown;
  const { licences = [], source } = data.index;
  if (licences.length > 0) return [...new Set(licences.map(({ license }) => license))].join(" AND ");
  return source === "birds" ? "Apache-2.0" : unknown;
}

/** SPDX's word for a license that nobody has stated. */
export const unknown = "NOASSERTION";

/** The commands of a training, with the data in `data/SOURCE` and the run in `runs/NAME`. */
export function trainingCommands(
  { preset, settings }: PresetOrigin,
  data: DataOrigin,
  { name, step }: { name: string; step: number },
): string[] {
  const { source, size, variant = {} } = data.index;
  const folder = `data/${source}`;
  const set = settings.map((setting) => ` --set ${quoted(setting)}`).join("");
  const options = `--config ${preset} --data ${folder} --run runs/${name}${set}`;
  return [
    `npx sdgan prepare ${source} --size ${size}${optionsOf(variant)} --out ${folder}`,
    `npx sdgan train damsm ${options}`,
    `npx sdgan train gan ${options} --steps ${step}`,
  ];
}

const optionsOf = (variant: Record<string, string>) =>
  Object.entries(variant)
    .map(([option, value]) => ` --${option}${value === "" ? "" : ` ${quoted(value)}`}`)
    .join("");

const quoted = (word: string) =>
  /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
