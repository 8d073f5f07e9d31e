import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Document, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { type Config, configFields, configSchema } from "./config-schema.js";
import { UserError } from "./errors.js";
import { nearest } from "./nearest.js";

export {
  type Config,
  configFields,
  configSchema,
  damsmImageSize,
  imageSizes,
  type ScbnKind,
} from "./config-schema.js";

const presetFolder = fileURLToPath(new URL("../../../configs/", import.meta.url));

/**
 * The configuration of a run: a preset's name or a YAML file, then `overrides` ("key.path=value", the value in
 * YAML), over the schema's defaults. A file may begin with `extends: NAME|FILE`.
 * @throws UserError in one line: where, what, what was found, what was expected.
 */
export function loadConfig(nameOrFile: string, overrides: readonly string[] = []): Config {
  const layers = [...fileLayers(nameOrFile, process.cwd(), []), ...overrides.map(overrideLayer)];
  const merged = layers.map((layer) => layer.values).reduce(merge, {});
  const result = configSchema.safeParse(merged, { reportInput: true });
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap(oneKeyEach);
  const [first] = issues as [Issue];
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  throw new UserError(`${whereOf(first, layers)}: ${explain(first, merged)}${more}`);
}

/** `config` as the YAML that `loadConfig` reads back. */
export function formatConfig(config: Config): string {
  const document = new Document(config);
  visit(document, {
    Seq(_, list) {
      list.flow = true;
    },
  });
  return document.toString({ flowCollectionPadding: false });
}

/** Names that `loadConfig` knows without a path. */
export function presetNames(): string[] {
  return readdirSync(presetFolder)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.slice(0, -".yaml".length))
    .sort();
}

/** Values from one place; later layers win. */
interface Layer {
  /** For messages: a file's path, or the `--set` as it was typed. */
  where: string;
  values: Values;
}
type Values = Record<string, unknown>;
type Issue = z.core.$ZodIssue;

/** The layers of a file and of all that it extends, the deepest first. `extended` are the files on the way here. */
function fileLayers(nameOrFile: string, folder: string, extended: string[]): Layer[] {
  const file = findFile(nameOrFile, folder, extended.at(-1));
  if (extended.includes(file))
    throw new UserError(`${file}: extends itself: ${[...extended, file].join(" extends ")}`);
  const { extends: base, ...values } = readValues(file);
  const layer = { where: file, values };
  if (base === undefined) return [layer];
  if (typeof base !== "string")
    throw new UserError(`${file}: extends: found ${show(base)}, expected a preset's name or a file`);
  return [...fileLayers(base, dirname(file), [...extended, file]), layer];
}

function findFile(nameOrFile: string, folder: string, askedBy: string | undefined): string {
  const file = resolve(folder, nameOrFile);
  const asked = askedBy ? `${askedBy}: extends` : "config";
  if (/[/\\]|\.ya?ml$/.test(nameOrFile)) {
    if (!existsSync(file)) throw new UserError(`${asked}: no file ${file}`);
    return file;
  }
  const presets = presetNames();
  if (presets.includes(nameOrFile)) return resolve(presetFolder, `${nameOrFile}.yaml`);
  const guess = nearest(nameOrFile, presets);
  throw new UserError(
    `${asked}: no preset ${show(nameOrFile)}${guess ? `; did you mean ${guess}?` : ""} ` +
      `Presets are ${presets.join(", ")}; or give the path of a .yaml file`,
  );
}

function readValues(file: string): Values {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UserError(`${file}: cannot be read: ${(error as Error).message}`);
  }
  const values = parseYaml(text, file) ?? {};
  if (!isValues(values)) throw new UserError(`${file}: found ${show(values)}, expected keys with values`);
  return values;
}

function overrideLayer(override: string): Layer {
  const where = `--set ${override}`;
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(override) ?? [];
  if (path === undefined || value === undefined) throw new UserError(`${where}: expected key.path=value`);
  const values = path
    .trim()
    .split(".")
    .reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), parseYaml(value, where));
  return { where, values: values as Values };
}

function parseYaml(text: string, where: string): unknown {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  if (error) throw new UserError(`${where}: not valid YAML: ${error.message.split("\n")[0]}`);
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new UserError(`${where}: not valid YAML: ${(cause as Error).message}`);
  }
}

/** `over` laid over `under`, section by section; lists are replaced. */
function merge(under: Values, over: Values): Values {
  const entries = Object.entries(over).map(([key, value]) => {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    return [key, isValues(value) && isValues(below) ? merge(below, value) : value];
  });
  return Object.fromEntries([...Object.entries(under), ...entries]);
}

function isValues(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An issue about several unknown keys, as one issue for each, with the key on its path. */
function oneKeyEach(issue: Issue): Issue[] {
  if (issue.code !== "unrecognized_keys") return [issue];
  return issue.keys.map((key) => ({ ...issue, keys: [key], path: [...issue.path, key] }));
}

/** The last layer that sets what the issue is about, or else sets its section, or else the file that was asked for. */
function whereOf({ path }: Issue, layers: Layer[]): string {
  for (let length = path.length; length > 0; length--) {
    const layer = layers.findLast(({ values }) => valueAt(values, path.slice(0, length)) !== undefined);
    if (layer) return layer.where;
  }
  return layers.findLast(({ where }) => !where.startsWith("--set"))?.where ?? "config";
}

function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    values,
  );
}

function explain(issue: Issue, merged: Values): string {
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys") return `${path}: unknown key; ${knownKeys(path)}`;
  return `${path || "configuration"}: found ${show(valueAt(merged, issue.path))}, expected ${expected(issue)}`;
}

/** What an unknown key may have meant: a key beside it, the same name elsewhere, or the list of those beside it. */
function knownKeys(path: string): string {
  const paths = configFields().map((field) => field.path);
  const [, section = "", key = ""] = /^(.*\.)?([^.]*)$/s.exec(path) ?? [];
  const beside = paths
    .filter((known) => known.startsWith(section) && !known.slice(section.length).includes("."))
    .map((known) => known.slice(section.length));
  const near = nearest(key, beside);
  const meant = near ? [section + near] : paths.filter((known) => known.split(".").at(-1) === key);
  return meant.length > 0
    ? `did you mean ${meant.join(" or ")}?`
    : `known ${section ? `under ${section.slice(0, -1)}` : "here"}: ${beside.join(", ")}`;
}

function expected(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return (
        { int: "a whole number", number: "a number", boolean: "true or false", object: "keys with values" }[
          issue.expected as string
        ] ?? `${issue.expected === "array" || issue.expected === "tuple" ? "a list" : issue.expected}`
      );
    case "too_small":
      return isList(issue.origin)
        ? `a list of ${issue.minimum}`
        : `${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return isList(issue.origin)
        ? `a list of ${issue.maximum}`
        : `${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "invalid_value":
      return issue.values.map(String).join(issue.values.length === 2 ? " or " : ", ");
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    default:
      return issue.message;
  }
}

function isList(origin: string): boolean {
  return origin === "array" || origin === "tuple";
}

/** A value as a message quotes it: on one line, and short. */
function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
