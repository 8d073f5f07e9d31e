import { Random, UserError } from "@sdgan/core";
import type { Example, Source } from "../dataset.js";
import { writeCaptions } from "./captions.js";
import { correlatedTraits } from "./correlated-traits.js";
import { drawBirdImage } from "./draw.js";
import { writeParaphrases } from "./paraphrases.js";
import { type Attribute, attributes, independentTraits, makeSpecies, type Species } from "./species.js";

export interface BirdsOptions {
  /** Another seed gives other birds; the same seed gives the same bytes on any machine. */
  seed?: number;
  /** Number of species. A quarter of them (rounded up) are test species. */
  species?: number;
  imagesPerSpecies?: number;
  /** What the captions of an image name, and how the attributes of a species are chosen. */
  captions?: BirdCaptions;
  traits?: BirdTraits;
  /** Nominal width and height of the SVG images, in pixels. They can be rendered at any size. */
  size?: number;
}

/**
 * `varied`: each caption names attributes of its own choice. `paraphrases`: all captions of an image name the same
 * attributes, in other words, orders and sentences, of which some are only in the test split.
 */
export const birdCaptions = ["varied", "paraphrases"] as const;
export type BirdCaptions = (typeof birdCaptions)[number];

/** `independent` of each other; `correlated`: some attributes can be inferred from others, in most species. */
export const birdTraits = ["independent", "correlated"] as const;
export type BirdTraits = (typeof birdTraits)[number];

const captionsPerImage = 10;

const defaults: Required<BirdsOptions> = {
  ...{ seed: 0, species: 200, imagesPerSpecies: 40, captions: "varied", traits: "independent", size: 256 },
};

/**
 * The built-in data set: drawn birds of invented species. Each image is an SVG with ten captions, and every
 * attribute that a caption names is true of the image. Throws a `UserError` for options out of range.
 */
export function birds(options: BirdsOptions = {}): Source {
  const { seed, species, imagesPerSpecies, captions, traits, size } = { ...defaults, ...options };
  if (!(Number.isInteger(imagesPerSpecies) && imagesPerSpecies > 0)) {
    throw new UserError(
      `birds: imagesPerSpecies is ${imagesPerSpecies}, but must be a whole number above 0`,
      { code: "usage" },
    );
  }
  if (!(Number.isInteger(size) && size > 0)) {
    throw new UserError(`birds: size is ${size}, but must be a whole number of pixels above 0`, {
      code: "usage",
    });
  }
  const all = makeSpecies(
    species,
    new Random(seed, "birds", "species"),
    { independent: independentTraits, correlated: correlatedTraits }[traits],
  );
  const variant = variantOf({ species, images: imagesPerSpecies, seed, captions, traits });
  return {
    name: "birds",
    ...(Object.keys(variant).length > 0 && { variant }),
    count: species * imagesPerSpecies,
    classes: all.map(({ name }) => name),
    attributes: Object.fromEntries(attributeEntries.map(([name, values]) => [name, [...values]])),
    listing: all.flatMap((one, classId) =>
      Array.from({ length: imagesPerSpecies }, (_, image) => ({
        ...{ id: idOf(one, image), split: one.split, classId },
      })),
    ),
    async *examples() {
      for (const [classId, one] of all.entries()) {
        for (let image = 0; image < imagesPerSpecies; image++) {
          yield makeExample(one, classId, image, { seed, size, captions });
        }
      }
    },
  };
}

/** What differs from the defaults, by option of `prepare birds`: data made with the defaults has no variant. */
function variantOf(made: Record<keyof typeof variantDefaults, string | number>): Record<string, string> {
  const differs = ([option, value]: [string, string | number]) =>
    value !== variantDefaults[option as keyof typeof variantDefaults];
  return Object.fromEntries(
    Object.entries(made)
      .filter(differs)
      .map(([option, value]) => [option, String(value)]),
  );
}

const { imagesPerSpecies: images, size: _, ...otherDefaults } = defaults;
const variantDefaults = { ...otherDefaults, images };

function idOf({ name }: Species, image: number): string {
  return `${name}/${image}`;
}

/** Every image has its own random stream, so it does not depend on the number of other images. */
function makeExample(
  species: Species,
  classId: number,
  image: number,
  { seed, size, captions }: Required<Pick<BirdsOptions, "seed" | "size" | "captions">>,
): Example {
  const { split, traits } = species;
  const randomOf = (what: string) => new Random(seed, "birds", what, classId, image);
  return {
    id: idOf(species, image),
    split,
    classId,
    captions:
      captions === "paraphrases"
        ? writeParaphrases(traits, captionsPerImage, split, randomOf("paraphrases"))
        : writeCaptions(traits, captionsPerImage, randomOf("captions")),
    stamp: async () => `seed ${seed}, ${size} pixels`,
    // The label is part of the stream's seed: changing it would change all images.
    read: async () => Buffer.from(drawBirdImage(traits, size, randomOf("picture"))),
    attributes: Object.fromEntries(
      attributeEntries.map(([attribute, values]) => [attribute, values.indexOf(traits[attribute])]),
    ),
  };
}

const attributeEntries = Object.entries(attributes) as [Attribute, readonly string[]][];
