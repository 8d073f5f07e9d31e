/** Configurations from presets, YAML files and `--set`. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  type Config,
  type ConfigLayer,
  describeImpostor,
  isPresetName,
  isValues,
  keysOf,
  nearest,
  presetLayers,
  presetNames,
  resolveConfig,
  show,
  UserError,
} from "@sdgan/core";
import { Document, visit } from "yaml";
import { parseYaml } from "./parse-yaml.js";

/**
 * The configuration of a run: the schema's defaults, then a preset or a YAML file, then `overrides` ("key.path=value",
 * the value in YAML). A file may begin with `extends: NAME|FILE`.
 * @throws UserError of one line: the place, the key, what was found, what was expected.
 */
export function loadConfig(nameOrFile: string, overrides: readonly string[] = []): Config {
  return resolveConfig([...layersOf(nameOrFile, process.cwd(), []), ...overrides.map(overrideLayer)]);
}

/** `config` as YAML that `loadConfig` can read. */
export function formatConfig(config: Config): string {
  const document = new Document(config);
  visit(document, {
    Seq(_, list) {
      list.flow = true;
    },
  });
  return document.toString({ flowCollectionPadding: false });
}

/** The layers of a preset or a file and of all that it extends, the deepest first. `extended`: the files that led here. */
function layersOf(nameOrFile: string, folder: string, extended: string[]): ConfigLayer[] {
  if (isPresetName(nameOrFile)) return presetLayers(nameOrFile);
  const file = findFile(nameOrFile, folder, extended.at(-1));
  if (extended.includes(file))
    throw new UserError(`${file}: extends itself: ${[...extended, file].join(" extends ")}`, {
      code: "config.invalid",
    });
  const { extends: base, ...values } = readValues(file);
  const layer = { where: file, values };
  if (base === undefined) return [layer];
  if (typeof base !== "string")
    throw new UserError(`${file}: extends: found ${show(base)}, expected a preset's name or a file`, {
      code: "config.invalid",
    });
  return [...layersOf(base, dirname(file), [...extended, file]), layer];
}

function findFile(nameOrFile: string, folder: string, extendedBy: string | undefined): string {
  const file = resolve(folder, nameOrFile);
  const where = extendedBy ? `${extendedBy}: extends` : "config";
  if (/[/\\]|\.ya?ml$/.test(nameOrFile)) {
    if (!existsSync(file)) throw new UserError(`${where}: no file ${file}`, { code: "file.missing" });
    return file;
  }
  const guess = nearest(nameOrFile, presetNames);
  throw new UserError(
    `${where}: no preset ${show(nameOrFile)}${guess ? `; did you mean ${guess}?` : "."} ` +
      `Presets are ${presetNames.join(", ")}. Or give the path of a .yaml file`,
    { code: "config.invalid" },
  );
}

function readValues(file: string): ConfigLayer["values"] {
  let text: string;
  try {
    text = textOf(file, readFileSync(file));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file}: cannot be read: ${(error as Error).message}`, { code: "config.invalid" });
  }
  const values = parseYaml(text, file);
  if (isValues(values)) return values;
  const found = values === undefined ? "is empty" : `found ${show(values)}`;
  throw new UserError(
    `${file}: ${found}, expected keys with values, such as "extends: birds-64" or "training: { batch: 16 }"; ` +
      `the keys are extends, ${keysOf("").join(", ")}`,
    { code: "config.invalid" },
  );
}

/** @throws UserError for what failed downloads leave, and for another encoding, such as the UTF-16 of some editors */
function textOf(file: string, bytes: Buffer): string {
  const impostor = describeImpostor(bytes);
  if (impostor !== undefined) throw new UserError(`${file}: ${impostor}`, { code: "config.invalid" });
  const text = bytes.toString("utf8");
  if (!text.includes("\0") && !text.includes("\ufffd")) return text;
  throw new UserError(`${file}: is not text in UTF-8: save it in that encoding`, { code: "config.invalid" });
}

function overrideLayer(override: string): ConfigLayer {
  const where = `--set ${override}`;
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (path === undefined || value === undefined)
    throw new UserError(`${where}: expected key.path=value`, { code: "config.invalid" });
  const values = path
    .trim()
    .split(".")
    .reduceRight<unknown>(
      (inner, key) => Object.fromEntries([[key, inner]]),
      parseYaml(value, where) ?? null,
    );
  return { where, values: values as ConfigLayer["values"] };
}
