/**
 * The caption oracle: the program that renders the built-in birds. It renders the attributes that a caption
 * names and samples all others from the noise. Its figures are an upper bound of what agreement with captions
 * can reach: if a generator exceeds one of them, that figure measures something else. It has no conditioning augmentation:
 * ε changes nothing.
 */
import { type NoiseSeed, Random } from "@sdgan/core";
import { tensor } from "@sdgan/torch";
import sharp from "sharp";
import { drawBirdImage } from "../data/birds/draw.js";
import type { Traits } from "../data/birds/species.js";
import type { Prepared } from "../data/prepared.js";
import type { Generate } from "../evaluation/extract-features.js";
import { captionOf, type Trial } from "../evaluation/trials.js";

/**
 * Renders all images that an evaluation of these trials needs.
 *
 * @param data built-in birds
 * @param trials of the test split
 * @param ignored probability that a named attribute is ignored
 */
export async function captionOracle(
  data: Prepared,
  trials: readonly Trial[],
  ignored = 0,
): Promise<Generate> {
  const rendered = new Map<string, Float32Array>();
  const key = (text: string, { seed, number }: NoiseSeed) => `${seed} ${number} ${text}`;
  for (const trial of trials) {
    const { seed, pair } = trial;
    const needed: [caption: number, noise: NoiseSeed][] = [
      [trial.caption, { seed, number: 1 }],
      [trial.caption, { seed, number: 2 }],
    ];
    if (pair) {
      const noise = { seed: pair.seed, number: 1 };
      needed.push([trial.caption, noise], [pair.partner, noise]);
    }
    for (const [caption, noise] of needed) {
      const traits = traitsFor(data, { ...trial, caption }, noise, ignored);
      const { text } = captionOf(data, "test", { ...trial, caption });
      rendered.set(key(text, noise), await render(traits, noise, data));
    }
  }
  return (captions, noise) => {
    const images = captions.map(({ text }, i) => rendered.get(key(text, noise[i]!))!);
    const all = new Float32Array(images.length * 3 * data.size ** 2);
    for (const [i, image] of images.entries()) all.set(image, i * image.length);
    return tensor(all, { shape: [images.length, 3, data.size, data.size] });
  };
}

function traitsFor(
  { attributes, splits }: Prepared,
  { image, caption }: Trial,
  { seed, number }: NoiseSeed,
  ignored: number,
): Traits {
  const { captions, attributes: truth } = splits.test.images.at(image);
  const { names = [], text } = captions[caption]!;
  const [free, ignoring] = [new Random(seed, "free", number), new Random(seed, "hearing", number, text)];
  return Object.fromEntries(
    Object.entries(attributes!).map(([name, values]) => {
      // Sampled for all attributes, so that named ones do not change the others.
      const byChance = free.pick(values);
      const used = names.includes(name) && !ignoring.chance(ignored);
      return [name, used ? values[truth![name]!] : byChance];
    }),
  ) as unknown as Traits;
}

/** [3, size, size] in −1 … 1: as in prepared data, cropped at the centre. */
async function render(
  traits: Traits,
  { seed, number }: NoiseSeed,
  { size, storedSize }: Prepared,
): Promise<Float32Array> {
  const svg = drawBirdImage(traits, storedSize, new Random(seed, "scene", number));
  const edge = (storedSize - size) >> 1;
  const pixels = await sharp(Buffer.from(svg))
    .resize(storedSize, storedSize)
    .extract({ left: edge, top: edge, width: size, height: size })
    .removeAlpha()
    .raw()
    .toBuffer();
  const image = new Float32Array(pixels.length);
  const places = size * size;
  for (const [i, value] of pixels.entries()) image[(i % 3) * places + Math.floor(i / 3)] = value / 127.5 - 1;
  return image;
}
