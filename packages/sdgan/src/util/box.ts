/** The models in the box: the package `@sdgan/models`. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { UserError } from "@sdgan/core/basics";

export interface Box {
  /** The package's folder. The folder NAME in it is the model NAME. */
  folder: string;
  /** Names of the models. */
  models: string[];
  /** The model of a user's first image, and captions for it (`first.json` of the package). */
  first: { model: string; captions: string[] };
}

/** The box; undefined if its package is not installed. Nothing of a model is read. */
export function findBox(): Box | undefined {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve("@sdgan/models/package.json");
  } catch {
    return undefined;
  }
  return readBox(dirname(manifest));
}

/** The box in `folder`. */
export function readBox(folder: string): Box {
  const models = readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, "model.json")))
    .sort();
  return { folder, models, first: JSON.parse(readFileSync(join(folder, "first.json"), "utf8")) };
}

/**
 * Where a model is: the folder of a model in the box if `model` is its name and there is no folder of this name here,
 * else `model`, a folder or a URL.
 * @throws UserError `file.missing` for a name that is neither, with the names in the box
 */
export function locateModel(model: string, box: Box | undefined = findBox()): string {
  // A path or a URL has a separator.
  if (model === "" || /[/\\]/.test(model) || existsSync(model)) return model;
  if (box?.models.includes(model)) return join(box.folder, model);
  const found = box
    ? `Models in the box: ${box.models.join(", ")}`
    : "The package @sdgan/models with the models in the box is not installed: npm install @sdgan/models";
  throw new UserError(`--model ${model}: there is no model and no folder of this name. ${found}`, {
    code: "file.missing",
  });
}
