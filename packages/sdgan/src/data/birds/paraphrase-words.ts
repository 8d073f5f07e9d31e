import type { Traits } from "./species.js";

/** What a part or a value may be called; all words of a list mean the same. */
export interface Words {
  /** In captions of all splits. */
  common: readonly string[];
  /** Only in captions of the test split. Captions of the training split have their words in other combinations. */
  test: readonly string[];
}

/** The parts, see `isPlural` for those in the plural. */
export const partWords: Record<"body" | "wings" | "head" | "belly" | "beak" | "tail", Words> = {
  body: words("body, back", "body feathers, back feathers"),
  wings: words("wings, wing", "wing feathers"),
  head: words("head, crown", "head feathers, crown feathers"),
  belly: words("belly, breast, chest, underside", "belly feathers, breast feathers"),
  beak: words("beak, bill"),
  tail: words("tail, tail feathers"),
};

export const colourWords: Record<Traits["body"], Words> = {
  red: words("red, scarlet, crimson, deep red", "bright red, rich red"),
  orange: words("orange, tangerine, bright orange", "deep orange, rich orange"),
  yellow: words("yellow, golden, bright yellow", "rich yellow, golden yellow"),
  green: words("green, emerald, deep green", "bright green, rich green"),
  blue: words("blue, azure, rich blue", "deep blue, bright blue"),
  pink: words("pink, rosy, soft pink", "bright pink, rosy pink"),
  brown: words("brown, chestnut, rich brown", "deep brown, chestnut brown"),
  black: words("black, ebony, jet black", "deep black, ebony black"),
  white: words("white, snowy, snowy white", "bright white"),
  gray: words("gray, grey, soft gray", "soft grey"),
};

export const patternWords: Record<Traits["pattern"], Words> = {
  plain: words("plain, unmarked, entirely unmarked", "entirely plain"),
  barred: words("barred, striped, banded, boldly barred", "finely barred, boldly striped"),
  spotted: words("spotted, speckled, dotted, finely spotted", "boldly spotted, finely dotted"),
};

/** The pattern as a noun: "bars on its wings". */
export const markWords: Record<Traits["pattern"], Words> = {
  plain: words("no markings, no pattern, no visible pattern", "no visible markings"),
  barred: words("bars, stripes, bold bars", "fine bars, bold stripes"),
  spotted: words("spots, dots, fine spots", "bold spots, fine dots"),
};

export const lengthWords: Record<"short" | "long", Words> = {
  short: words("short, stubby, very short", "rather short"),
  long: words("long, elongated, very long", "rather long"),
};

export const sizeWords: Record<Traits["size"], Words> = {
  small: words("small, little, tiny, rather small", "very small, rather little"),
  large: words("large, big, rather big", "very large, rather large"),
};

function words(common: string, test = ""): Words {
  const split = (text: string) => text.split(", ").filter((word) => word !== "");
  return { common: split(common), test: split(test) };
}
