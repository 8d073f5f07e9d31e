/** Sections that look into one model: what it drew, where it looked, and what a reader makes of that. */
import type { Prepared } from "../data/prepared.js";
import { captionOf, chooseTrials, type Trial } from "../evaluation/choose.js";
import type { TrainedReader } from "../evaluation/networks/reader.js";
import type { ExaminedPainting } from "../generation/examination.js";
import type { Painter } from "../generation/painter.js";
import { gridOf, type Row, type Section, type Shown, stripOf } from "./page.js";
import { dataUrl, heatOf, largest, litBy } from "./pictures.js";
import { disagreements, nearestReal, realPicture } from "./reading.js";

/** A caption of a picture that was never trained on. */
export type Unseen = Trial & { text: string };

/** Those that an evaluation of this seed draws. */
export function unseenCaptions(data: Prepared, count: number, seed: number): Unseen[] {
  return chooseTrials(data, count, seed).map((trial) => ({ ...trial, ...captionOf(data, trial) }));
}

/** Word attention of the last stage over the picture, a strip for each caption. */
export async function attentionSection(examined: readonly ExaminedPainting[]): Promise<Section> {
  const strips = await Promise.all(
    examined.map(async ({ stages, attention, words }) => {
      const picture = stages.at(-1)!;
      const maps = attention.at(-1) ?? [];
      const lit = maps.map(
        async (map, word): Promise<Shown> => ({
          picture: await dataUrl(litBy(picture, map)),
          caption: `${words[word]} ${(100 * largest(map.values)).toFixed(0)}\u00a0%`,
        }),
      );
      return stripOf([{ picture: await dataUrl(picture), caption: "drawn" }, ...(await Promise.all(lit))]);
    }),
  );
  return {
    title: "Where it looks for each word",
    about:
      "Word attention of the last stage: the more a place attends to the word, the brighter it is. The place that does " +
      "most is the brightest; the number is its share for the word, of all words.",
    body: strips.join(""),
  };
}

/** Strength of SCBN at each place, for the same captions; nothing for a generator without it. */
export async function modulationSection(examined: readonly ExaminedPainting[]): Promise<Section | undefined> {
  const layers = examined[0]?.modulation.length ?? 0;
  if (layers === 0) return undefined;
  const most = Array.from({ length: layers }, (_, layer) =>
    examined.reduce((most, { modulation }) => Math.max(most, largest(modulation[layer]!.values)), 0),
  );
  const rows = examined.map(async ({ caption, stages, modulation }): Promise<Row> => {
    const maps = modulation.map(async (map, layer): Promise<Shown> => {
      const mean = map.values.reduce((sum, value) => sum + value, 0) / map.values.length;
      return {
        picture: await dataUrl(heatOf(map, most[layer]!)),
        caption: `${map.size === 1 ? "everywhere" : "mean"} ${mean.toPrecision(2)}`,
      };
    });
    const drawn = { picture: await dataUrl(stages.at(-1)!) };
    return { title: caption, pictures: [drawn, ...(await Promise.all(maps))] };
  });
  return {
    title: "What SCBN adds to the scale",
    about:
      "|γ_c|, a mean over channels, at each place of every conditioned normalization in the order of drawing; black is " +
      "0, and the brightest is the most that these captions reach in that layer. A sentence says one thing for all places.",
    body: gridOf(
      ["drawn", ...most.map((value, i) => `${i + 1}: up to ${value.toPrecision(2)}`)],
      await Promise.all(rows),
    ),
  };
}

/** Pictures drawn, and the real ones of the training split that are most like them to the reader. */
export async function nearestSection(
  painter: Painter,
  data: Prepared,
  reader: TrainedReader,
  captions: readonly string[],
  { seed, size }: { seed: number; size: number },
): Promise<Section> {
  const drawn = captions.map((caption) => [...painter.draw([caption], { seed })][0]!.stages.at(-1)!);
  const nearest = nearestReal(reader, data, drawn, { count: 5, size });
  const rows = captions.map(async (title, i): Promise<Row> => {
    const real = nearest[i]!.map(async ({ picture, distance }) => ({
      picture: await dataUrl(realPicture(data, "train", picture)),
      caption: `distance ${distance.toPrecision(3)}`,
    }));
    return { title, pictures: [{ picture: await dataUrl(drawn[i]!) }, ...(await Promise.all(real))] };
  });
  return {
    title: "The nearest real pictures",
    about:
      "Of all pictures that it was trained on, those whose features the reader finds nearest: a model that copies " +
      "would have one that is the same.",
    body: gridOf(["drawn", "nearest", "second", "third", "fourth", "fifth"], await Promise.all(rows)),
  };
}

/** Captions whose pictures the reader reads otherwise, the worst of many. */
export async function disagreementSection(
  painter: Painter,
  data: Prepared,
  reader: TrainedReader,
  choices: readonly Unseen[],
  seed: number,
): Promise<Section> {
  const drawn = choices.map(({ text }) => [...painter.draw([text], { seed })][0]!.stages.at(-1)!);
  const worst = disagreements(reader, data, drawn, choices).slice(0, 8);
  const rows = worst.map(async ({ index, differences }): Promise<Row> => {
    const { picture, text } = choices[index]!;
    const said = differences.map(({ attribute, asked, seen }) => `${attribute}: ${asked}, it sees ${seen}`);
    return {
      title: text,
      pictures: [
        { picture: await dataUrl(drawn[index]!) },
        { picture: await dataUrl(realPicture(data, "test", picture)) },
      ],
      note: said.join("; "),
    };
  });
  return {
    title: "Where the reader disagrees most",
    about: `Of ${choices.length} captions of unseen pictures, those whose named attributes it finds least likely in what was drawn.`,
    body: gridOf(["drawn", "real"], await Promise.all(rows)),
  };
}
