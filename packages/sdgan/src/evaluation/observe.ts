/** Draws the pictures of an evaluation, and keeps what networks see in them and in the real ones: features, no pixels. */
import { cat, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import { makeBatch } from "../data/batch.js";
import type { Prepared, PreparedCaption } from "../data/prepared.js";
import type { Device } from "../device.js";
import { imagesOf } from "../training/tensors.js";
import { captionOf, split, type Trial } from "./choose.js";
import { fit } from "./fit.js";
import type { DamsmOnlooker } from "./networks/damsm.js";
import type { Onlooker, Sight } from "./networks/onlooker.js";
import type { ReaderOnlooker } from "./networks/reader.js";
import type { NetworkName } from "./result.js";

export interface Onlookers {
  inception?: Onlooker | undefined;
  reader?: ReaderOnlooker | undefined;
  damsm?: DamsmOnlooker | undefined;
}

/** Which picture of a caption: seed and number of its noise. */
export interface Noise {
  seed: number;
  number: number;
}

/** Draws captions, each with its own noise: [B, 3, S, S] in −1 … 1. What it draws of one does not depend on the others. */
export type Draw = (captions: readonly PreparedCaption[], noise: readonly Noise[]) => Tensor;

export interface ObserveOptions {
  data: Prepared;
  draw: Draw;
  /** Pixels a side that drawn and real pictures are brought to, before anything looks at them. */
  size: number;
  device: Device;
  trials: readonly Trial[];
  onlookers: Onlookers;
  /** Which of them looks at pairs too, and at pictures of the same caption under other noise. */
  pairs?: NetworkName | undefined;
  otherNoise?: NetworkName | undefined;
  /** Called with the number of trials that are done. */
  onTrial?(done: number): void;
}

/** What each network sees, row after row: on the processor. */
export interface Observations {
  trials: readonly Trial[];
  /** The trials' pictures. */
  drawn: Views;
  /** The real pictures: of the first trials, which have one each. */
  real: Views;
  /** Pictures of both captions of each pair, with the noise of its group; `paired` are the pairs' trials. */
  pairs: [Views, Views];
  paired: number[];
  /** Pictures of the first trials' captions under other noise, as many as real ones. */
  otherNoise: Views;
  /** DAMSM's sentence features of the trials' captions. */
  sentences: Tensor | undefined;
}

export type Views = Partial<Record<NetworkName, Sight>>;

export function observe(options: ObserveOptions): Observations {
  const { data, trials, onTrial } = options;
  const first = Math.min(trials.length, data.splits[split].pictures.length);
  const parts: Part[] = [];
  for (let from = 0; from < trials.length; from += drawnAtOnce) {
    const some = trials.slice(from, from + drawnAtOnce);
    const unseen = some.slice(0, Math.max(0, first - from)); // whose picture has not had its turn before
    parts.push(inferenceMode(() => scope(() => observeSome(some, unseen, options))));
    onTrial?.(from + some.length);
  }
  const joined = (viewsOf: (part: Part) => Views): Views =>
    Object.fromEntries(
      names.flatMap((name) => {
        const sights = parts.flatMap((part) => viewsOf(part)[name] ?? []);
        return sights.length === 0 ? [] : [[name, joinSights(sights)]];
      }),
    );
  const sentences = parts.flatMap((part) => part.sentences ?? []);
  return {
    trials,
    drawn: joined(({ drawn }) => drawn),
    real: joined(({ real }) => real),
    pairs: [joined(({ pairs }) => pairs[0]), joined(({ pairs }) => pairs[1])],
    paired: [...trials.keys()].filter((i) => trials[i]!.pair),
    otherNoise: joined(({ otherNoise }) => otherNoise),
    sentences: sentences.length > 0 ? cat(sentences) : undefined,
  };
}

const drawnAtOnce = 32;

const names = ["inception", "reader", "damsm"] as const satisfies NetworkName[];

interface Part {
  drawn: Views;
  real: Views;
  pairs: [Views, Views];
  otherNoise: Views;
  sentences: Tensor | undefined;
}

function observeSome(
  some: readonly Trial[],
  unseen: readonly Trial[],
  { data, draw, size, device, onlookers, pairs, otherNoise }: ObserveOptions,
): Part {
  const drawn = (trials: readonly Trial[], number = 1) =>
    asStored(
      draw(
        trials.map((trial) => captionOf(data, trial)),
        trials.map(({ seed }) => ({ seed, number })),
      ),
    );
  const real = (trials: readonly Trial[]) => {
    const choices = trials.map(({ picture, caption }) => ({ picture, caption }));
    const stored = makeBatch(choices, { data, split, maxWords: Number.POSITIVE_INFINITY });
    return imagesOf(stored, { device, dtype: "float32" });
  };
  const look = (images: () => Tensor, trials: readonly Trial[], by: readonly NetworkName[]) => {
    if (trials.length === 0 || by.length === 0) return {};
    // Each in a scope of its own, so that only one network's layers are in memory at a time.
    return scope(() => {
      const pictures = scope(() => fit(images(), size));
      return Object.fromEntries(
        by.map((name) => [name, scope(() => onProcessor(onlookers[name]!.look(pictures)))]),
      );
    });
  };
  const all = names.filter((name) => onlookers[name]);
  const first = some.flatMap(({ pair, ...trial }) => (pair ? [{ ...trial, seed: pair.seed }] : []));
  const second = some.flatMap(({ pair, ...trial }) =>
    pair ? [{ ...trial, seed: pair.seed, caption: pair.partner }] : [],
  );
  const ofPairs = (trials: readonly Trial[]) => look(() => drawn(trials), trials, pairs ? [pairs] : []);
  return {
    drawn: look(() => drawn(some), some, all),
    real: look(() => real(unseen), unseen, all),
    pairs: [ofPairs(first), ofPairs(second)],
    otherNoise: look(() => drawn(unseen, 2), unseen, otherNoise ? [otherNoise] : []),
    sentences: onlookers.damsm?.read(some.map((trial) => captionOf(data, trial).text)).to({ device: "cpu" }),
  };
}

/** As a picture file has them, in 256 steps: what real pictures are, too. */
function asStored(images: Tensor): Tensor {
  return images.to("float32").add(1).mul(127.5).round().clamp(0, 255).div(127.5).sub(1);
}

function onProcessor({ features, classes }: Sight): Sight {
  const take = (one: Tensor) => one.to({ device: "cpu" });
  return { features: take(features), classes: classes.map(take) };
}

function joinSights(sights: readonly Sight[]): Sight {
  return {
    features: cat(sights.map(({ features }) => features)),
    classes: sights[0]!.classes.map((_, head) => cat(sights.map(({ classes }) => classes[head]!))),
  };
}
