import { type Config, imageSizes, isPresetName } from "@sdgan/core";
import { loadConfig } from "../config/load.js";
import type { Source } from "../data/dataset.js";

/** What to train prepared data with. */
export interface Suggestion {
  /** Options of `sdgan train damsm` and `sdgan train gan`. */
  options: string[];
  /** The preset among them. */
  preset: string;
  /** The configuration that they give. */
  config: Config;
}

/** What the images of a source show, where presets differ. */
export type ImageKind = "faces" | "photographs" | "icons";

/** Folders of JPEG files are photographs; others are icons. */
export function kindOf({ name, listing = [] }: Pick<Source, "name" | "listing">): ImageKind {
  if (name === "cub" || name === "coco" || name === "flowers") return "photographs";
  const jpegs = listing.filter(({ id }) => /\.jpe?g$/i.test(id));
  return name === "folder" && 2 * jpegs.length > listing.length ? "photographs" : "icons";
}

/**
 * A preset for data of a source, with changes that make its images exactly `size` pixels: the number of
 * stages and the size of the first one, and an input of DAMSM that fits.
 * @param inception a file with Inception's weights; without one, DAMSM's image encoder is the convolutional one
 * @param kind what the images show
 */
export function suggestTraining(
  source: string,
  size: number,
  { inception, kind }: { inception?: string | undefined; kind?: ImageKind } = {},
): Suggestion {
  const preset = presetFor(source, size, kind);
  const { damsm, generator, training } = loadConfig(preset);
  const stages = Math.min(generator.stages, Math.log2(size / SMALLEST) + 1);
  const firstSize = size / 2 ** (stages - 1);
  const useInception = damsm.encoder === "inception" && source !== "birds" && inception !== undefined;
  const set = [
    ...(stages === generator.stages ? [] : [`generator.stages=${stages}`]),
    ...(stages === generator.stages || training.grow.length === 0
      ? []
      : [`training.grow=[${training.grow.slice(0, stages - 1).join(",")}]`]),
    ...(firstSize === generator.firstSize ? [] : [`generator.firstSize=${firstSize}`]),
    ...(damsm.encoder === "inception" && !useInception ? ["damsm.encoder=convolutional"] : []),
    ...(size % damsm.imageSize === 0 ? [] : [`damsm.imageSize=${size}`]),
  ];
  const config = loadConfig(preset, set);
  const last = imageSizes(config.generator).at(-1);
  if (last !== size) throw new RangeError(`no model has images of ${size} pixels; ${preset} gives ${last}`);
  const weights = useInception ? ["--inception", inception] : [];
  return {
    options: ["--config", preset, ...set.flatMap((one) => ["--set", one]), ...weights],
    ...{ preset, config },
  };
}

/** Least pixels per side of a stage's image. */
const SMALLEST = 8;

function presetFor(source: string, size: number, kind: ImageKind = "icons"): string {
  if (size >= 256) return isPresetName(source) ? source : "cub";
  if (kind === "faces") return "faces-64";
  if (kind === "photographs") return "photos-64";
  if (source === "folder" || source === "emoji") return "emoji-64";
  return size >= 128 ? "birds-128" : "birds-64";
}
