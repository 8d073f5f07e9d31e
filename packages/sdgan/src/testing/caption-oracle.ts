/**
 * Who draws drawn birds exactly as captions say: the drawing program itself. What a caption names it draws as named,
 * everything else by chance, which the noise decides. No generator can be asked for more, so its figures tell what
 * figures can be reached, and which of them a generator passes by other means than meaning.
 */
import { Random } from "@sdgan/core";
import { tensor } from "@sdgan/torch";
import sharp from "sharp";
import { drawBirdImage } from "../data/birds/draw.js";
import type { Traits } from "../data/birds/species.js";
import type { Prepared } from "../data/prepared.js";
import type { Draw, Noise } from "../evaluation/extract-features.js";
import { captionOf, type Trial } from "../evaluation/trials.js";

/**
 * Draws all that an evaluation of these trials asks for.
 *
 * @param data drawn birds
 * @param trials of the test split
 * @param deaf chance that a named attribute is not heard
 */
export async function captionOracle(data: Prepared, trials: readonly Trial[], deaf = 0): Promise<Draw> {
  const drawn = new Map<string, Float32Array>();
  const key = (text: string, { seed, number }: Noise) => `${seed} ${number} ${text}`;
  for (const trial of trials) {
    const { seed, pair } = trial;
    const asked: [caption: number, noise: Noise][] = [
      [trial.caption, { seed, number: 1 }],
      [trial.caption, { seed, number: 2 }],
    ];
    if (pair) {
      const noise = { seed: pair.seed, number: 1 };
      asked.push([trial.caption, noise], [pair.partner, noise]);
    }
    for (const [caption, noise] of asked) {
      const traits = traitsFor(data, { ...trial, caption }, noise, deaf);
      const { text } = captionOf(data, "test", { ...trial, caption });
      drawn.set(key(text, noise), await render(traits, noise, data));
    }
  }
  return (captions, noise) => {
    const images = captions.map(({ text }, i) => drawn.get(key(text, noise[i]!))!);
    const all = new Float32Array(images.length * 3 * data.size ** 2);
    for (const [i, image] of images.entries()) all.set(image, i * image.length);
    return tensor(all, { shape: [images.length, 3, data.size, data.size] });
  };
}

function traitsFor(
  { attributes, splits }: Prepared,
  { image, caption }: Trial,
  { seed, number }: Noise,
  deaf: number,
): Traits {
  const { captions, attributes: truth } = splits.test.images.at(image);
  const { names = [], text } = captions[caption]!;
  const [free, hearing] = [new Random(seed, "free", number), new Random(seed, "hearing", number, text)];
  return Object.fromEntries(
    Object.entries(attributes!).map(([name, values]) => {
      const byChance = free.pick(values); // Drawn for all, so that what is named changes nothing else.
      const heard = names.includes(name) && !hearing.chance(deaf);
      return [name, heard ? values[truth![name]!] : byChance];
    }),
  ) as unknown as Traits;
}

/** [3, size, size] in −1 … 1: as prepared and cropped in the middle. */
async function render(
  traits: Traits,
  { seed, number }: Noise,
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
