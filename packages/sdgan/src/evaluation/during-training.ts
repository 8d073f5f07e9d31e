/** A cheap evaluation while the GAN trains: a few hundred pictures, looked at by what the run folder has. */
import { join } from "node:path";
import type { Compute } from "../compute.js";
import { type Config, imageSizes } from "../config.js";
import type { Prepared } from "../data/prepared.js";
import { UserError } from "../errors.js";
import { type Artist, paint } from "../generation/paint.js";
import { damsmFolder } from "../training/damsm-of-run.js";
import { type Damsm, damsmFile } from "../training/damsm-trainee.js";
import { chooseTrials } from "./choose.js";
import { measure } from "./measure.js";
import { damsmOnlooker } from "./networks/damsm.js";
import { readerOf, readerOnlooker, readerPath } from "./networks/reader.js";
import type { Onlookers } from "./observe.js";
import { figureKinds, type MetricName, trainingFigures } from "./result.js";

/** Measures a generator that is being trained. */
export interface Gauge {
  /** Steps between two measurements. */
  every: number;
  /** The name of the figure that tells which checkpoint is the best one, as `measure` names it. */
  best: string;
  better: "higher" | "lower";
  /** The same captions and noise every time: `trainingFigures` by name, the network's name before them. */
  measure(artist: Artist): Record<string, number>;
}

/**
 * What `evaluate` of the configuration asks for; undefined where it asks for nothing. The run folder's reader looks at
 * the pictures; where there is none, the DAMSM that the generator is trained with, which tells less: it is what the
 * generator learns to please.
 * @throws UserError if the best checkpoint is to be found by the reader's score and there is no reader
 */
export function gaugeOf(
  run: string,
  options: { config: Config; data: Prepared; damsm: Damsm; compute: Compute },
): Gauge | undefined {
  const { config, data } = options;
  const { every, pictures, best } = config.evaluate;
  if (every === 0) return undefined;
  const size = imageSizes(config.generator).at(-1)!;
  const { device } = options.compute;
  const onlookers = onlookersOf(run, { ...options, size });
  const trials = chooseTrials(data, pictures, config.seed);
  const metrics: MetricName[] = ["frechetDistance", "consistency", "diversity"];
  if (onlookers.reader) metrics.push("readerScore");
  else if (best === "readerScore")
    throw new UserError(
      `evaluate.best is readerScore, and there is no ${readerPath(run)}: train a reader first ` +
        `(sdgan train reader --config … --data ${data.dir} --run ${run}), or --set evaluate.best=frechetDistance`,
    );
  const named = (figure: string) => `${onlookers.reader ? "reader" : "damsm"}/${figure}`;
  return {
    ...{ every, best: named(best), better: figureKinds[best].better },
    measure(artist) {
      const { figures } = measure({
        ...{ data, size, device, trials, onlookers, metrics, seed: config.seed },
        draw: (captions, noise) =>
          paint(
            artist,
            captions.map(({ tokens }, i) => ({
              tokens: tokens.slice(0, config.data.maxWords),
              ...noise[i]!,
            })),
          ).at(-1)!,
      });
      return Object.fromEntries(
        trainingFigures.flatMap((name) => (figures[name] ? [[named(name), figures[name].drawn]] : [])),
      );
    },
  };
}

function onlookersOf(
  run: string,
  {
    config,
    data,
    damsm,
    compute,
    size,
  }: { config: Config; data: Prepared; damsm: Damsm; compute: Compute; size: number },
): Onlookers {
  const { device } = compute;
  const reader = readerOf(run, undefined, data);
  if (reader !== undefined) return { reader: readerOnlooker(reader, { data, size, device }) };
  const file = join(damsmFolder(run), damsmFile);
  const { vocabulary } = data;
  return { damsm: damsmOnlooker(damsm, { file, config, vocabulary, seed: config.seed, size, device }) };
}
