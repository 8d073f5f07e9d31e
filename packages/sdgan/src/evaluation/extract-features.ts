/** Draws the images of an evaluation, and keeps what networks see in them and in the real ones: features, no pixels. */
import { cat, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import type { Device } from "../compute/device.js";
import { fit, quantized } from "../compute/images.js";
import { makeBatch } from "../data/batch.js";
import type { Split } from "../data/dataset.js";
import type { PreparedCaption } from "../data/format.js";
import type { Prepared } from "../data/prepared.js";
import { imagesOf } from "../data/tensors.js";
import type { AttributeExtractor } from "./networks/attribute-classifier.js";
import type { DamsmExtractor } from "./networks/damsm.js";
import type { FeatureExtractor, Features } from "./networks/feature-extractor.js";
import type { NetworkName } from "./result.js";
import { captionOf, type Trial } from "./trials.js";

export interface FeatureExtractors {
  inception?: FeatureExtractor | undefined;
  attributeClassifier?: AttributeExtractor | undefined;
  damsm?: DamsmExtractor | undefined;
}

/** Which image of a caption: seed and number of its noise. */
export interface Noise {
  seed: number;
  number: number;
}

/** Draws captions, each with its own noise: [B, 3, S, S] in −1 … 1. What it draws of one does not depend on the others. */
export type Draw = (captions: readonly PreparedCaption[], noise: readonly Noise[]) => Tensor;

export interface ExtractOptions {
  data: Prepared;
  /** Which the trials are of. */
  split: Split;
  draw: Draw;
  /** Pixels a side that drawn and real images are brought to, before anything looks at them. */
  size: number;
  device: Device;
  trials: readonly Trial[];
  extractors: FeatureExtractors;
  /** Which of them looks at pairs too, and at images of the same caption under other noise. */
  pairs?: NetworkName | undefined;
  otherNoise?: NetworkName | undefined;
  /** Called with the number of trials that are done. */
  onTrial?(done: number): void;
}

/** What each network sees, row after row: on the processor. */
export interface ExtractedFeatures {
  trials: readonly Trial[];
  /** The trials' images. */
  generated: Views;
  /** The real images: of the first trials, which have one each. */
  real: Views;
  /** Images of both captions of each pair, with the noise of its group; `paired` are the pairs' trials. */
  pairs: [Views, Views];
  paired: number[];
  /** Images of the first trials' captions under other noise, as many as real ones. */
  otherNoise: Views;
  /** DAMSM's sentence features of the trials' captions. */
  sentences: Tensor | undefined;
}

export type Views = Partial<Record<NetworkName, Features>>;

export function extractFeatures(options: ExtractOptions): ExtractedFeatures {
  const { data, split, trials, onTrial } = options;
  const first = Math.min(trials.length, data.splits[split].images.length);
  const parts: Part[] = [];
  for (let from = 0; from < trials.length; from += generatedAtOnce) {
    const some = trials.slice(from, from + generatedAtOnce);
    const unseen = some.slice(0, Math.max(0, first - from)); // whose image has not had its turn before
    parts.push(inferenceMode(() => scope(() => extractSome(some, unseen, options))));
    onTrial?.(from + some.length);
  }
  const joined = (viewsOf: (part: Part) => Views): Views =>
    Object.fromEntries(
      names.flatMap((name) => {
        const sights = parts.flatMap((part) => viewsOf(part)[name] ?? []);
        return sights.length === 0 ? [] : [[name, joinFeatures(sights)]];
      }),
    );
  const sentences = parts.flatMap((part) => part.sentences ?? []);
  return {
    trials,
    generated: joined(({ generated }) => generated),
    real: joined(({ real }) => real),
    pairs: [joined(({ pairs }) => pairs[0]), joined(({ pairs }) => pairs[1])],
    paired: [...trials.keys()].filter((i) => trials[i]!.pair),
    otherNoise: joined(({ otherNoise }) => otherNoise),
    sentences: sentences.length > 0 ? cat(sentences) : undefined,
  };
}

const generatedAtOnce = 32;

const names = ["inception", "attributeClassifier", "damsm"] as const satisfies NetworkName[];

interface Part {
  generated: Views;
  real: Views;
  pairs: [Views, Views];
  otherNoise: Views;
  sentences: Tensor | undefined;
}

function extractSome(
  some: readonly Trial[],
  unseen: readonly Trial[],
  { data, split, draw, size, device, extractors, pairs, otherNoise }: ExtractOptions,
): Part {
  const generated = (trials: readonly Trial[], number = 1) =>
    quantized(
      draw(
        trials.map((trial) => captionOf(data, split, trial)),
        trials.map(({ seed }) => ({ seed, number })),
      ),
    );
  const real = (trials: readonly Trial[]) => {
    const choices = trials.map(({ image, caption }) => ({ image, caption }));
    const stored = makeBatch(choices, { data, split, maxWords: Number.POSITIVE_INFINITY });
    return imagesOf(stored, { device, dtype: "float32" });
  };
  const extract = (make: () => Tensor, trials: readonly Trial[], by: readonly NetworkName[]) => {
    if (trials.length === 0 || by.length === 0) return {};
    // Each in a scope of its own, so that only one network's layers are in memory at a time.
    return scope(() => {
      const images = scope(() => fit(make(), size));
      return Object.fromEntries(
        by.map((name) => [name, scope(() => onProcessor(extractors[name]!.extract(images)))]),
      );
    });
  };
  const all = names.filter((name) => extractors[name]);
  const first = some.flatMap(({ pair, ...trial }) => (pair ? [{ ...trial, seed: pair.seed }] : []));
  const second = some.flatMap(({ pair, ...trial }) =>
    pair ? [{ ...trial, seed: pair.seed, caption: pair.partner }] : [],
  );
  const ofPairs = (trials: readonly Trial[]) =>
    extract(() => generated(trials), trials, pairs ? [pairs] : []);
  return {
    generated: extract(() => generated(some), some, all),
    real: extract(() => real(unseen), unseen, all),
    pairs: [ofPairs(first), ofPairs(second)],
    otherNoise: extract(() => generated(unseen, 2), unseen, otherNoise ? [otherNoise] : []),
    sentences: extractors.damsm
      ?.read(some.map((trial) => captionOf(data, split, trial).text))
      .to({ device: "cpu" }),
  };
}

function onProcessor({ features, classes }: Features): Features {
  const take = (one: Tensor) => one.to({ device: "cpu" });
  return { features: take(features), classes: classes.map(take) };
}

function joinFeatures(sights: readonly Features[]): Features {
  return {
    features: cat(sights.map(({ features }) => features)),
    classes: sights[0]!.classes.map((_, head) => cat(sights.map(({ classes }) => classes[head]!))),
  };
}
