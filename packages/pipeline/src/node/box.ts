import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { quote, UserError, visible } from "@sdgan/core";

/** The package with the models in the box. A model NAME is its folder NAME, with a `model.json`. */
const BOX = "@sdgan/models";

/**
 * The folder of a model in the box. The package is looked for from here, as the program's other packages are, and
 * from the current folder, for package managers that show a package only its own dependencies.
 *
 * @param name a name without separators
 * @throws UserError `file.missing` if the package is not installed or has no such model
 */
export function boxedModel(name: string): string {
  const places = [import.meta.url, pathToFileURL(join(process.cwd(), "package.json")).href];
  const find = (file: string) => {
    for (const place of places) {
      try {
        return createRequire(place).resolve(`${BOX}/${file}`);
      } catch (error) {
        if (!NOT_FOUND.has(Object(error).code)) throw error;
      }
    }
    return undefined;
  };
  const manifest = find(`${name}/model.json`);
  if (manifest) return dirname(manifest);
  const box = find("package.json");
  throw new UserError(
    box
      ? `${BOX} has no model ${quote(name)}, and there is no folder of this name here. Its models: ${modelsIn(dirname(box))}.`
      : `${quote(name)}: there is no folder of this name here, and the package ${BOX} with the models in the box is not installed (npm install ${BOX}).`,
    { code: "file.missing" },
  );
}

function modelsIn(box: string): string {
  const names = readdirSync(box).filter((name) => existsSync(join(box, name, "model.json")));
  return visible(names.sort().join(", ")) || "none";
}

const NOT_FOUND = new Set(["MODULE_NOT_FOUND", "ERR_PACKAGE_PATH_NOT_EXPORTED"]);
