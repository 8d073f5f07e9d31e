/** How good a run is, in the field's measures: its averaged generator, held against pictures that it never saw. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { openPrepared, type Prepared } from "../data/prepared.js";
import type { Device } from "../device.js";
import { UserError } from "../errors.js";
import { paint } from "../generation/paint.js";
import { Painter } from "../generation/painter.js";
import { reportRun } from "../report/index.js";
import { writeFileAtomic } from "../run/atomic-file.js";
import { onDisk } from "../system-errors.js";
import { modelFile } from "../training/gan-trainee.js";
import { chooseTrials, split } from "./choose.js";
import { lacking, measure } from "./measure.js";
import { independentDamsm } from "./networks/damsm.js";
import { inceptionOnlooker } from "./networks/inception.js";
import { readerOnlooker, readerPath } from "./networks/reader.js";
import type { Onlookers } from "./observe.js";
import { type Evaluation, type MetricName, metricNames, type Network, type NetworkName } from "./result.js";
import { drawSheet } from "./sheet.js";

export interface EvaluateOptions {
  /** A run folder in which a GAN was trained. */
  run: string;
  /** A prepared folder; its test split is used. */
  data: string;
  /** By default all that can be computed with what is there. */
  metrics?: readonly MetricName[] | undefined;
  /** A file with the weights that FID is defined by; pictures are compared by its features then. */
  inception?: string | undefined;
  /** Another run folder, whose DAMSM, from another seed, judges for R-precision. */
  damsm?: string | undefined;
  /** The run folder that the reader was trained in; by default the same, where it has one. */
  reader?: string | undefined;
  /** Which of the run's checkpoints draws: a step, or "best"; by default the newest model. */
  checkpoint?: number | "best" | undefined;
  /** Pictures to draw, one of each caption. */
  pictures: number;
  seed: number;
  /** By default a GPU where there is one. */
  device?: Device | undefined;
  onPicture?(done: number): void;
}

/**
 * Draws pictures of captions of unseen pictures, lets networks look at them and at the real ones, and computes what was
 * asked for. Writes `evaluation.json` and `evaluation.png` into the run folder, and the first also as
 * `evaluations/step-N.json`; and `report.html`, the page to look at.
 *
 * @throws UserError, and changes nothing, if model, data or networks are missing or do not fit, or a metric that was
 *   asked for cannot be computed
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const data = openPrepared(options.data);
  try {
    const result = await evaluateOn(data, options);
    await reportRun(options);
    return result;
  } finally {
    data.close();
  }
}

async function evaluateOn(
  data: Prepared,
  { run, metrics, checkpoint, pictures, seed, device: asked, onPicture, ...networks }: EvaluateOptions,
): Promise<Evaluation> {
  const painter = new Painter(run, { device: asked, checkpoint });
  const { device } = painter;
  const size = commonSize(data, painter.sizes.at(-1)!, run);
  const onlookers = openOnlookers(run, { ...networks, data, size, device });
  const trials = chooseTrials(data, pictures, seed);
  refuseImpossible(metrics ?? [], { data, onlookers, trials });
  const measured = measure({
    ...{ data, size, device, onlookers, pictures, seed, metrics: metrics ?? metricNames },
    draw: (captions, noise) =>
      paint(
        painter.artist,
        captions.map(({ text }, i) => ({ tokens: painter.read(text).tokens, ...noise[i]! })),
      ).at(-1)!,
    ...(onPicture && { onTrial: onPicture }),
  });
  if (Object.keys(measured.figures).length === 0)
    throw new UserError(
      `${run}: nothing can be measured: ${measured.leftOut.map(({ metric, why }) => `${metric} ${why}`).join("; ")}`,
    );
  const { checkpoint: model } = painter;
  const result: Evaluation = {
    ...{ run: model.run, step: model.step, seed },
    data: { folder: data.dir, source: data.source, split, pictures: data.splits[split].pictures.length },
    ...{ pictures: measured.pictures, realPictures: measured.realPictures, size },
    networks: networksOf(measured, onlookers),
    ...{ figures: measured.figures, leftOut: measured.leftOut },
    sheet: join(run, "evaluation.png"),
  };
  const sheet = await drawSheet(painter, data, trials, titleOf(result));
  write(run, result, sheet);
  return result;
}

/** Pixels a side that pictures of the model and of the data can both be brought to: the smaller of both. */
function commonSize({ dir, size }: Prepared, drawn: number, run: string): number {
  const [small, large] = size < drawn ? [size, drawn] : [drawn, size];
  if (large % small === 0) return small;
  throw new UserError(
    `${dir}: its pictures of ${size} pixels and those of ${drawn} that ${run} draws cannot be averaged to one size: ` +
      `prepare the data with --size ${drawn}`,
  );
}

function openOnlookers(
  run: string,
  {
    inception,
    damsm,
    reader,
    ...options
  }: Pick<EvaluateOptions, "inception" | "damsm" | "reader"> & {
    data: Prepared;
    size: number;
    device: Device;
  },
): Onlookers {
  const withReader = reader ?? (options.data.attributes && existsSync(readerPath(run)) ? run : undefined);
  return {
    inception: inception === undefined ? undefined : inceptionOnlooker(inception, options.device),
    reader: withReader === undefined ? undefined : readerOnlooker(withReader, options),
    damsm:
      damsm === undefined ? undefined : independentDamsm(damsm, { model: join(run, modelFile), ...options }),
  };
}

function refuseImpossible(metrics: readonly MetricName[], means: Parameters<typeof lacking>[1]): void {
  for (const metric of metrics) {
    const why = lacking(metric, means);
    if (why !== undefined) throw new UserError(`${metric} ${why}`);
  }
}

/** Those that had a part in a figure. */
function networksOf(
  { figures }: Pick<Evaluation, "figures">,
  onlookers: Onlookers,
): Partial<Record<NetworkName, Network>> {
  const used = new Set(Object.values(figures).map(({ network }) => network));
  return Object.fromEntries([...used].map((name) => [name, onlookers[name]!.about]));
}

function titleOf({ step, figures }: Evaluation): string {
  const { readerScore, frechetDistance } = figures;
  const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
  if (readerScore) {
    const { drawn, real, chance } = readerScore;
    return (
      `step ${step}: the reader sees ${percent(drawn)} of what unseen captions name ` +
      `(${percent(real!)} in the real pictures, ${percent(chance!)} by chance)`
    );
  }
  const distance = frechetDistance ? `, Fréchet distance ${frechetDistance.drawn.toPrecision(3)}` : "";
  return `step ${step}: captions that were never seen${distance}`;
}

function write(run: string, result: Evaluation, sheet: Buffer): void {
  const json = `${JSON.stringify(result, null, 2)}\n`;
  const folder = join(run, "evaluations");
  onDisk(folder, () => mkdirSync(folder, { recursive: true }));
  writeFileAtomic(join(folder, `step-${String(result.step).padStart(7, "0")}.json`), json);
  writeFileAtomic(join(run, "evaluation.json"), json);
  writeFileAtomic(result.sheet, sheet);
}
