/** How well a trained model draws what captions of unseen pictures name, in numbers and as one sheet to look at. */
import { join } from "node:path";
import { fromBytes, scope, type Tensor } from "@sdgan/torch";
import { type Choice, makeBatch } from "../data/batch.js";
import { openPrepared, type Prepared } from "../data/prepared.js";
import type { Device } from "../device.js";
import { UserError } from "../errors.js";
import { Painter, type Painting } from "../generation/painter.js";
import { type GridPicture, grid } from "../images/grid.js";
import { Random } from "../random.js";
import { writeFileAtomic } from "../run/atomic-file.js";
import { readerFile } from "../training/reader-trainee.js";
import { imagesOf } from "../training/tensors.js";
import { loadReader, type ReaderScore, ReaderScorer } from "./reader-score.js";

export interface EvaluateOptions {
  run: string;
  /** A prepared folder whose pictures' attributes are known; its test split is used. */
  data: string;
  /** The run folder that the reader was trained in; by default the same. */
  reader?: string;
  /** Pictures to draw and read. */
  pictures: number;
  seed: number;
  /** By default a GPU where there is one. */
  device?: Device | undefined;
  onPicture?(done: number): void;
}

export interface Evaluation {
  /** Training step of the model. */
  step: number;
  pictures: number;
  seed: number;
  /** The reader's score of generated pictures, and of the real ones of the same captions: its ceiling. */
  generated: ReaderScore;
  real: ReaderScore;
  /** The sheet: captions that were never seen, pictures drawn from them, and the real ones. */
  sheet: string;
}

/** Rows and drawn pictures a row of the sheet. */
const sheetRows = 8;
const drawnInRow = 4;

/**
 * Draws a picture for each of `pictures` captions of unseen pictures and has the reader read it. Writes
 * `evaluation.json` and `evaluation.png` into the run folder.
 * @throws UserError if model, data or reader are missing or do not fit
 */
export async function evaluate({
  run,
  data: folder,
  pictures,
  seed,
  device,
  onPicture,
  ...options
}: EvaluateOptions): Promise<Evaluation> {
  const data = openPrepared(folder);
  const reader = loadReader(join(options.reader ?? run, "reader", readerFile));
  if (JSON.stringify(data.attributes) !== JSON.stringify(reader.attributes)) {
    throw new UserError(`${folder}: its pictures have other attributes than the reader was trained on`);
  }
  const painter = new Painter(run, { device });
  reader.network.to({ device: painter.device });
  const choices = chooseUnseen(data, pictures, seed);
  const generated = new ReaderScorer(reader, data);
  const real = new ReaderScorer(reader, data);
  for (const [i, choice] of choices.entries()) {
    const [painting] = painter.draw([captionOf(data, choice)], { seed: seed + i });
    scope(() => generated.add(imageOf(painting!), [choice]));
    scope(() => real.add(imagesOf(batchOf(data, [choice]), { device: "cpu", dtype: "float32" }), [choice]));
    onPicture?.(i + 1);
  }
  const result: Evaluation = {
    ...{ step: painter.checkpoint.step, pictures: choices.length, seed },
    ...{ generated: generated.score(), real: real.score() },
    sheet: join(run, "evaluation.png"),
  };
  writeFileAtomic(join(run, "evaluation.json"), `${JSON.stringify(result, null, 2)}\n`);
  writeFileAtomic(result.sheet, await drawSheet(painter, data, choices.slice(0, sheetRows), result));
  data.close();
  return result;
}

/** Captions of the test split, from different classes as long as there are, in an order that the seed decides. */
function chooseUnseen({ splits }: Prepared, count: number, seed: number): Choice[] {
  const random = new Random(seed, "evaluation");
  const byClass = new Map<number, number[]>();
  for (const place of random.shuffled([...new Array(splits.test.pictures.length).keys()])) {
    const { classId } = splits.test.pictures.at(place);
    byClass.set(classId, [...(byClass.get(classId) ?? []), place]);
  }
  const classes = random.shuffled([...byClass.values()]);
  const longest = Math.max(0, ...classes.map(({ length }) => length));
  const places = Array.from({ length: longest }, (_, i) => classes.flatMap((own) => own[i] ?? [])).flat();
  return places
    .slice(0, count)
    .map((picture) => ({ picture, caption: random.below(splits.test.pictures.at(picture).captions.length) }));
}

async function drawSheet(
  painter: Painter,
  data: Prepared,
  choices: readonly Choice[],
  { generated, real, step }: Evaluation,
): Promise<Buffer> {
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
  const rows = choices.map((choice): GridPicture[] => {
    const { pixels, size } = batchOf(data, [choice]);
    const drawn = [...painter.draw([captionOf(data, choice)], { count: drawnInRow })];
    return [{ pixels, size }, ...drawn.map(({ stages }) => stages.at(-1)!)];
  });
  return grid(rows, {
    title:
      `step ${step}: the reader sees ${percent(generated.accuracy)} of what unseen captions name ` +
      `(${percent(real.accuracy)} in the real pictures, ${percent(generated.chance)} by chance)`,
    columnTitles: ["real", ...Array.from({ length: drawnInRow }, (_, i) => `drawn ${i + 1}`)],
    rowCaptions: choices.map((choice) => captionOf(data, choice)),
  });
}

function batchOf(data: Prepared, choices: Choice[]) {
  return makeBatch(choices, { data, split: "test", maxWords: Number.POSITIVE_INFINITY });
}

function captionOf({ splits }: Prepared, { picture, caption }: Choice): string {
  return splits.test.pictures.at(picture).captions[caption]!.text;
}

/** [1, 3, S, S] in −1 … 1, of the last stage. */
function imageOf({ stages }: Painting): Tensor {
  const { pixels, size } = stages.at(-1)!;
  return fromBytes(pixels, [1, size, size, 3], "uint8").permute(0, 3, 1, 2).to("float32").div(127.5).sub(1);
}
