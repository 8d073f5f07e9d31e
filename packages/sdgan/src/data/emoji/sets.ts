/** A set of emoji by one designer, as an npm package in Iconify's JSON. */
export interface EmojiSet {
  /** Its name in ids and messages: the package is `@iconify-json/NAME`. */
  name: string;
  /** What its images have in common, in one English word, for captions: "glossy red heart". */
  style: string;
  /** The set whose names and code points are also this set's. */
  namesOf?: string;
  /** Names in this set → code points, where no other list has these names. */
  names?: Readonly<Record<string, string>>;
  /** Names of images that are left out, although a list has the name → why. */
  leftOut?: Readonly<Record<string, string>>;
}

/** The package of a set. */
export function packageOf({ name }: Pick<EmojiSet, "name">): string {
  return `@iconify-json/${name}`;
}

/**
 * Names of fxemoji that are in no other list, with the code points of what the images show. Its faces of foxes, which
 * stand for Unicode's faces of cats, are left out: the captions would be wrong.
 */
const FXEMOJI: Readonly<Record<string, string>> = {
  ...{
    "2hearts": "1f495",

    heartgreen: "1f49a",
    heartyellow: "1f49b",
    heartpurple: "1f49c",
  },
  ...{ heartarrow: "1f498", heartribbon: "1f49d", loudlycrying: "1f62d", crying: "1f622", winking: "1f609" },
  ...{ monkeysee: "1f648", monkeyhear: "1f649", monkeyspeak: "1f64a", bunny: "1f430", hampster: "1f439" },
  ...{ dogside: "1f415", catside: "1f408", mouseside: "1f401", pigside: "1f416", tigerside: "1f405" },
  ...{
    leopardside: "1f406",
    bunnyside: "1f407",
    pigsnout: "1f43d",
    dragonhead: "1f432",
    dragonside: "1f409",
  },
  ...{ evergreen: "1f332", fallingleaf: "1f342", present: "1f381", confetti: "1f38a", cellphone: "1f4f1" },
  ...{
    bouquetofflowers: "1f490",
    flexbicep: "1f4aa",
    oldpersonalcomputer: "1f5a5",
    gpa: "1f474",
    gma: "1f475",
  },
  ...{
    chilipepper: "1f336",
    fishcakeswirl: "1f365",
    tennisball: "1f3be",
    spurtingwhale: "1f433",
    turban: "1f473",
  },
};

/** The sets with licences that ask only for attribution or less. */
export const emojiSets: readonly EmojiSet[] = [
  { name: "noto", style: "detailed" },
  { name: "noto-v1", style: "rounded" },
  { name: "fluent-emoji", style: "glossy", namesOf: "fluent-emoji-flat" },
  { name: "fluent-emoji-flat", style: "flat" },
  { name: "twemoji", style: "simple" },
  {
    ...{ name: "emojione", style: "pastel" },
    leftOut: { "flag-for-us-outlying-islands": "it is the flag of the United States" },
  },
  {
    ...{ name: "fxemoji", style: "bold", names: FXEMOJI },
    leftOut: {
      tramcar: "it is all black in the package",
      heartblue: "most of it is outside of the image in the package",
      window: "it is a window of a program",
    },
  },
];

/** The sets whose licence asks that works made from them have the same licence. */
export const shareAlikeSets: readonly EmojiSet[] = [
  { name: "openmoji", style: "outlined" },
  { name: "emojione-v1", style: "matte" },
];
