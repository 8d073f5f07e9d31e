/** How good a run is, in the field's measures: its averaged generator, held against pictures that it never saw. */
import { join, resolve } from "node:path";
import { openPrepared, type Prepared } from "../data/prepared.js";
import type { Device } from "../device.js";
import { UserError } from "../errors.js";
import { paint } from "../generation/paint.js";
import { Painter } from "../generation/painter.js";
import { reportRun } from "../report/index.js";
import { writeFileAtomic } from "../run/atomic-file.js";
import { ensureFolder, onDisk } from "../system-errors.js";
import { modelFile } from "../training/gan-trainee.js";
import { chooseTrials, split } from "./choose.js";
import { commonSize } from "./fit.js";
import { inOrder, lacking, measure } from "./measure.js";
import { independentDamsm } from "./networks/damsm.js";
import { inceptionOnlooker } from "./networks/inception.js";
import { readerOf, readerOnlooker } from "./networks/reader.js";
import type { Onlookers } from "./observe.js";
import { readEvaluation } from "./read-evaluation.js";
import {
  type Evaluation,
  type FigureName,
  figureKinds,
  type MetricName,
  metricNames,
  type Network,
  type NetworkName,
} from "./result.js";
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
 * asked for. Writes `evaluation.json` and `evaluation.png` into the run folder, and the first also under the name
 * of what it is of into `evaluations/`; and `report.html`, the page to look at. Figures that were there already of the
 * same pictures stay.
 *
 * @throws UserError, and changes nothing, if model, data or networks are missing or do not fit, or a metric that was
 *   asked for cannot be computed
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const data = openPrepared(options.data);
  try {
    const result = await evaluateOn(data, options);
    const { run, reader, checkpoint, seed, device } = options;
    await reportRun({ run, data: options.data, reader, checkpoint, seed, device });
    return result;
  } finally {
    data.close();
  }
}

async function evaluateOn(
  data: Prepared,
  { run, metrics, checkpoint, pictures, seed, device: asked, onPicture, ...networks }: EvaluateOptions,
): Promise<Evaluation> {
  const before = readEvaluation(run);
  const painter = new Painter(run, { device: asked, checkpoint });
  const { device } = painter;
  const size = commonSize(data, painter.sizes.at(-1)!, run);
  const onlookers = openOnlookers(run, { ...networks, data, size, device });
  const trials = chooseTrials(data, pictures, seed);
  refuseImpossible(metrics ?? [], { data, onlookers, trials });
  const measured = measure({
    ...{ data, size, device, onlookers, trials, seed, metrics: metrics ?? metricNames },
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
  const whole = before ? withFiguresOf(before, result) : result;
  write(run, whole, sheet);
  return whole;
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
  const withReader = readerOf(run, reader, options.data);
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

/** Figures of the same pictures that were computed before, and not now. */
function withFiguresOf(before: Evaluation, now: Evaluation): Evaluation {
  const of = ({ step, seed, data, pictures, realPictures, size }: Evaluation) =>
    JSON.stringify([step, seed, resolve(data.folder), pictures, realPictures, size]);
  if (of(before) !== of(now)) return now;
  const same = ([name, { sha256 }]: [string, Network]) =>
    (now.networks[name as NetworkName]?.sha256 ?? sha256) === sha256;
  if (!Object.entries(before.networks).every(same)) return now;
  const figures = inOrder({ ...before.figures, ...now.figures });
  const there = new Set(Object.keys(figures).map((name) => figureKinds[name as FigureName].metric));
  return {
    ...now,
    ...{ figures, networks: { ...before.networks, ...now.networks } },
    leftOut: now.leftOut.filter(({ metric }) => !there.has(metric)),
  };
}

function write(run: string, result: Evaluation, sheet: Buffer): void {
  const json = `${JSON.stringify(result, null, 2)}\n`;
  const folder = join(run, "evaluations");
  const { step, seed, pictures } = result;
  const name = `step-${String(step).padStart(7, "0")}-seed-${seed}-pictures-${pictures}.json`;
  onDisk(folder, () => ensureFolder(folder));
  writeFileAtomic(join(folder, name), json);
  writeFileAtomic(join(run, "evaluation.json"), json);
  writeFileAtomic(result.sheet, sheet);
}
