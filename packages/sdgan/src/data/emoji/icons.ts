import { z } from "zod";
import { keyOf, type NamesOfCodePoints } from "./code-points.js";
import type { PackageFiles } from "./package-files.js";
import { type EmojiSet, packageOf } from "./sets.js";

/** An image of a set. */
export interface Icon {
  /** Its name in the set. */
  name: string;
  /** The code points that it shows; undefined if its name is in no list. */
  key: string | undefined;
  /** An SVG document. */
  svg(): string;
}

/**
 * The icons of a set, in the order of its package, without hidden ones (old names of others). Code points are those of
 * the set's own `chars.json`, of the set that shares its names, or of `names`. Throws a `UserError` that names a broken file.
 */
export function* readIcons(files: PackageFiles, set: EmojiSet, names: NamesOfCodePoints): Generator<Icon> {
  const { icons, aliases = {}, ...sizes } = files.json(packageOf(set), "icons.json", iconsSchema);
  const ofName = keysByName(files, set);
  // Another name of the same image may be the one that is in a list.
  const otherNames = new Map<string, string[]>();
  for (const [name, alias] of Object.entries(aliases))
    if (!isTransformed(alias)) otherNames.set(alias.parent, [...(otherNames.get(alias.parent) ?? []), name]);
  const keyOfName = (name: string) => {
    const all = [name, ...(otherNames.get(name) ?? [])];
    return first(all, (one) => ofName.get(one) ?? set.names?.[one]) ?? first(all, (one) => names.find(one));
  };
  for (const [name, icon] of Object.entries(icons)) {
    if (icon.hidden) continue;
    yield { name, key: keyOfName(name), svg: () => svgOf({ ...sizes, ...icon }) };
  }
  for (const [name, { parent, ...alias }] of Object.entries(aliases)) {
    const icon = icons[parent];
    if (!icon || alias.hidden || !isTransformed(alias)) continue;
    yield { name, key: keyOfName(name), svg: () => svgOf({ ...sizes, ...icon, ...alias }) };
  }
}

/** Adds the names of a set with code points of its own. */
export function addNames(files: PackageFiles, set: EmojiSet, names: NamesOfCodePoints): void {
  const ofName = keysByName(files, set);
  if (ofName.size === 0) return;
  for (const [name, key] of ofName) names.add(name, key);
  const { aliases = {} } = files.json(packageOf(set), "icons.json", iconsSchema);
  for (const [name, alias] of Object.entries(aliases)) {
    const key = ofName.get(alias.parent);
    if (key !== undefined && !isTransformed(alias)) names.add(name, key);
  }
}

/** Names of icons → code points, of the set or of the one that shares its names. Empty if the package has none. */
function keysByName(files: PackageFiles, set: EmojiSet): Map<string, string> {
  const owner = set.namesOf === undefined ? set : { name: set.namesOf };
  if (!files.has(packageOf(owner), CHARS)) return new Map();
  const chars = files.json(packageOf(owner), CHARS, z.record(z.string(), z.string()));
  const keys = new Map<string, string>();
  for (const [hexcode, name] of Object.entries(chars)) if (!keys.has(name)) keys.set(name, keyOf(hexcode));
  return keys;
}

const CHARS = "chars.json";

const transformation = {
  hFlip: z.boolean().optional(),
  vFlip: z.boolean().optional(),
  /** Quarter turns, clockwise. */
  rotate: z.int().optional(),
  hidden: z.boolean().optional(),
};

const size = z.number().positive().max(4096);

const box = {
  ...{ left: z.number().optional(), top: z.number().optional() },
  ...{ width: size.optional(), height: size.optional() },
};

/** Iconify's JSON, as far as it is used: https://iconify.design/docs/types/iconify-json.html */
const iconsSchema = z.object({
  icons: z.record(z.string(), z.object({ body: z.string(), ...transformation, ...box })),
  aliases: z.record(z.string(), z.object({ parent: z.string(), ...transformation })).optional(),
  ...box,
});

interface Drawing {
  body: string;
  left?: number | undefined;
  top?: number | undefined;
  width?: number | undefined;
  height?: number | undefined;
  hFlip?: boolean | undefined;
  vFlip?: boolean | undefined;
  rotate?: number | undefined;
}

function isTransformed({ hFlip, vFlip, rotate }: Omit<Drawing, "body">): boolean {
  return Boolean(hFlip || vFlip || rotate);
}

/** A document of an icon's body; 16 is Iconify's default size. The box stays the same when the icon is turned. */
function svgOf({ body, left = 0, top = 0, width = 16, height = 16, ...turned }: Drawing): string {
  const { hFlip, vFlip, rotate = 0 } = turned;
  const [x, y] = [left + width / 2, top + height / 2];
  const transforms = [
    ...(rotate % 4 === 0 ? [] : [`rotate(${90 * rotate} ${x} ${y})`]),
    ...(hFlip || vFlip
      ? [`translate(${hFlip ? 2 * x : 0} ${vFlip ? 2 * y : 0}) scale(${hFlip ? -1 : 1} ${vFlip ? -1 : 1})`]
      : []),
  ];
  const content = transforms.length === 0 ? body : `<g transform="${transforms.join(" ")}">${body}</g>`;
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ' +
    `width="${width}" height="${height}" viewBox="${left} ${top} ${width} ${height}">${content}</svg>`
  );
}

function first<Item, Found>(
  items: readonly Item[],
  find: (item: Item) => Found | undefined,
): Found | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
