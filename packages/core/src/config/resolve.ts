/** Resolves layers of values into a configuration: merges, checks, and reports errors with their layer and key. */
import type { z } from "zod";
import { UserError } from "../errors.js";
import { nearest } from "../text/nearest.js";
import { configFields } from "./config-fields.js";
import { type PresetName, presets } from "./presets.js";
import { type Config, configSchema } from "./schema.js";

/** Values from one place; later layers win. */
export interface ConfigLayer {
  /** For messages: a file's path, a preset's name, or an override as it was typed. */
  where: string;
  values: Values;
}
type Values = Record<string, unknown>;
type Issue = z.core.$ZodIssue;

/**
 * Merges `layers` over the schema's defaults.
 * @throws UserError with one line: the layer, the key, the value found and the value expected.
 */
export function resolveConfig(layers: readonly ConfigLayer[]): Config {
  const merged = layers.map((layer) => layer.values).reduce(merge, {});
  const result = configSchema.safeParse(merged, { reportInput: true });
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap(oneKeyEach);
  const [first] = issues as [Issue];
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  throw new UserError(`${whereOf(first, layers)}: ${explain(first, merged)}${more}`, {
    code: "config.invalid",
  });
}

/** The layers of a preset and of the presets it extends, the most basic first. */
export function presetLayers(name: PresetName): ConfigLayer[] {
  const { extends: base, values } = presets[name];
  return [...(base ? presetLayers(base) : []), { where: `preset ${name}`, values: values as Values }];
}

/** Merges `over` into `under`, section by section. Lists are replaced. */
function merge(under: Values, over: Values): Values {
  const entries = Object.entries(over).map(([key, value]) => {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    return [key, isValues(value) && isValues(below) ? merge(below, value) : value];
  });
  return Object.fromEntries([...Object.entries(under), ...entries]);
}

export function isValues(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Splits an issue about several unknown keys into one issue per key, with the key in its path. */
function oneKeyEach(issue: Issue): Issue[] {
  if (issue.code !== "unrecognized_keys") return [issue];
  return issue.keys.map((key) => ({ ...issue, keys: [key], path: [...issue.path, key] }));
}

/** The last layer that sets the key of the issue, else the last that sets its section, else the last file or preset. */
function whereOf({ path }: Issue, layers: readonly ConfigLayer[]): string {
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
  const found = valueAt(merged, issue.path);
  const keys = issue.code === "invalid_type" && issue.expected === "object" ? keysOf(path) : [];
  const named = keys.length > 0 ? `: ${keys.join(", ")}${sameKind(path, keys, found)}` : "";
  return `${path || "configuration"}: found ${show(found)}, expected ${expected(issue)}${named}`;
}

/** The keys of a section, "" for the whole configuration; none if there is no such section. */
export function keysOf(section: string): string[] {
  const prefix = section === "" ? "" : `${section}.`;
  return configFields()
    .map(({ path }) => path)
    .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes("."))
    .map((path) => path.slice(prefix.length));
}

/** If a section was given one number and all its keys have numbers: the first of its keys, as a suggestion. */
function sameKind(section: string, keys: readonly string[], found: unknown): string {
  const defaults = configFields().filter(({ path }) => keys.some((key) => path === `${section}.${key}`));
  if (typeof found !== "number" || defaults.some(({ default: value }) => typeof value !== "number"))
    return "";
  return `; did you mean ${keys.map((key) => `${section}.${key}`).join(" or ")}?`;
}

/**
 * Suggests a similar key of the section, else the same or a similar key of other sections, else lists the
 * section's keys.
 */
function knownKeys(path: string): string {
  const paths = configFields().map((field) => field.path);
  const [, section = "", key = ""] = /^(?:(.*)\.)?([^.]*)$/s.exec(path) ?? [];
  const beside = keysOf(section);
  const near = nearest(key, beside);
  const nameOf = (known: string) => known.split(".").at(-1)!;
  const elsewhere = nearest(key, paths.map(nameOf));
  const meant = near
    ? [section === "" ? near : `${section}.${near}`]
    : paths.filter((known) => nameOf(known) === elsewhere);
  return meant.length > 0
    ? `did you mean ${meant.join(" or ")}?`
    : `known ${section ? `under ${section}` : "here"}: ${beside.join(", ")}`;
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

/** A value for a message: on one line, and short. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
