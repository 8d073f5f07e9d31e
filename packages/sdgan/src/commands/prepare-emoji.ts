import { visible } from "@sdgan/core/basics";
import { type Command, InvalidArgumentError, Option } from "commander";
import { holdOuts } from "../data/emoji/hold-out.js";
import { show, sourceCommand } from "./prepare-source.js";
import { Progress } from "./progress.js";

/** `sdgan prepare emoji` */
export function addEmoji(prepare: Command): void {
  sourceCommand(prepare, "emoji", 64)
    .description(
      "emoji: the same things in the styles of seven designers or more, described in many languages",
    )
    .addOption(
      new Option("--languages <codes>", "languages of the captions, such as en,zh,es,ar,hi")
        .argParser(list)
        .default(["en"], "en"),
    )
    .option(
      "--groups <names>",
      "which emoji: faces, or groups and subgroups of Unicode, such as animals-nature,food-fruit (default: all)",
      list,
    )
    .addOption(
      new Option(
        "--hold-out <what>",
        "what one in ten is for testing: renderings, so that training sees each thing in other styles; or things, in all styles",
      )
        .choices(holdOuts)
        .default("renderings"),
    )
    .option("--skin-tones", "also the variants with skin tones")
    .option(
      "--share-alike",
      "also two sets with CC BY-SA: what is made from them and published must have the same licence",
    )
    .addHelpText(
      "after",
      `
Images and words are npm packages. npm downloads them once into the cache of this user ($XDG_CACHE_HOME/sdgan, or
~/.cache/sdgan); after that no network is needed. Their authors and licences are in LICENSES.txt of the prepared folder.

Groups: smileys-emotion, people-body, animals-nature, food-drink, travel-places, activities, objects, symbols, flags

Examples:
  npx sdgan prepare emoji --out data/emoji
  npx sdgan prepare emoji --groups faces --languages en,zh --out data/faces
  npx sdgan prepare emoji --groups food-drink,animal-mammal --hold-out things --share-alike --out data/food`,
    )
    .action(async ({ languages, groups, holdOut, skinTones = false, shareAlike = false, ...options }) => {
      const { emoji } = await import("../data/emoji/index.js");
      const { areFaces } = await import("../data/emoji/groups.js");
      const installed = await install(shareAlike);
      await show(emoji({ ...installed, languages, groups, holdOut, skinTones }), {
        ...options,
        ...(groups && areFaces(groups) && { kind: "faces" }),
      });
    });
}

/** Installs what is not there yet: for each download a line with the size, then a progress line. */
async function install(shareAlike: boolean) {
  const { installEmoji } = await import("../data/emoji/install.js");
  let progress: Progress | undefined;
  const finish = () => progress?.[Symbol.dispose]();
  try {
    const installed = await installEmoji({
      shareAlike,
      onDownload({ packages, bytes }) {
        finish();
        progress = new Progress({ label: "download", unit: "packages", total: packages });
        progress.log(
          visible(`Downloading ${packages} npm packages with images and words, ${megabytes(bytes)} MB, once`),
        );
      },
      onProgress: ({ done }) => progress?.update(done),
    });
    finish();
    return installed;
  } catch (error) {
    progress?.abandon();
    throw error;
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}

/** "en,zh" → ["en", "zh"]. */
function list(text: string): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.every((item) => item !== "")) return items;
  throw new InvalidArgumentError("Expected names with commas between them, such as a,b.");
}
