import { type InstallOptions, installedPackages } from "./npm-packages.js";
import { emojiPackages, shareAlikePackages } from "./pins.js";
import { type EmojiSet, emojiSets, shareAlikeSets } from "./sets.js";

export interface InstallEmojiOptions extends InstallOptions {
  /** Also the sets whose licence asks that works made from them have the same licence. */
  shareAlike?: boolean;
}

/**
 * The packages and sets for `emoji`, from the per-user cache. npm downloads what is missing there.
 * Rejects with a `UserError` when that fails.
 */
export async function installEmoji({
  shareAlike = false,
  ...options
}: InstallEmojiOptions = {}): Promise<{ packages: string[]; sets: EmojiSet[] }> {
  const packages = [await installedPackages("emoji", emojiPackages, options)];
  if (!shareAlike) return { packages, sets: [...emojiSets] };
  packages.push(await installedPackages("emoji-share-alike", shareAlikePackages, options));
  return { packages, sets: [...emojiSets, ...shareAlikeSets] };
}
