import { z } from "zod";
import type { Licence } from "../dataset.js";
import { type PackageFiles, packageSchema } from "./package-files.js";
import { type EmojiSet, packageOf } from "./sets.js";

/** Who made the images of the sets and the words, under which licences. */
export function licencesOf(files: PackageFiles, sets: readonly EmojiSet[]): Licence[] {
  const ofSets = sets.map((set): Licence => {
    const { name, author, license } = files.json(packageOf(set), "info.json", infoSchema);
    const url = license.url ?? author.url;
    return {
      ...{ of: "images", title: name, author: author.name, license: license.spdx ?? license.title },
      ...{ ...(url !== undefined && { url }), package: versioned(files, packageOf(set)) },
    };
  });
  return [...ofSets, ...WORDS.map((name) => licenceOfWords(files, name))];
}

function licenceOfWords(files: PackageFiles, name: string): Licence {
  const { license = "Unicode-3.0" } = files.json(name, "package.json", packageSchema);
  const text = files.text(name, "LICENSE");
  return {
    ...{ of: "words", title: "Unicode CLDR", author: "Unicode, Inc.", license },
    ...{ package: versioned(files, name), ...(text !== undefined && { text }) },
  };
}

const WORDS = ["cldr-annotations-full", "cldr-annotations-derived-full"];

/** Such as "@iconify-json/noto@1.2.9". */
export function versioned(files: PackageFiles, name: string): string {
  return `${name}@${files.json(name, "package.json", packageSchema).version}`;
}

const infoSchema = z.object({
  name: z.string(),
  author: z.object({ name: z.string(), url: z.string().optional() }),
  license: z.object({ title: z.string(), spdx: z.string().optional(), url: z.string().optional() }),
});
