/**
 * Generates the images of an evaluation, and extracts features of these and of the real images. Pixels are
 * not kept.
 */
import type { NoiseSeed } from "@sdgan/core";
import { cat, inferenceMode, scope, type Tensor } from "@sdgan/torch";
import type { Device } from "../compute/device.js";
import { fit, quantized } from "../compute/images.js";
import { makeBatch } from "../data/batch.js";
import type { Split } from "../data/dataset.js";
import type { PreparedCaption } from "../data/format.js";
import type { Prepared } from "../data/prepared.js";
import { imagesOf } from "../data/tensors.js";
import { allWork, type WorkShare } from "../distributed/work-share.js";
import { partsOf } from "../util/lists.js";
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

/**
 * Generates one image per caption, each with its own noise: [B, 3, S, S] in −1 … 1. An image does not depend
 * on the other captions of the batch.
 */
export type Generate = (captions: readonly PreparedCaption[], noise: readonly NoiseSeed[]) => Tensor;

export interface ExtractOptions {
  data: Prepared;
  /** The split of the trials. */
  split: Split;
  generate: Generate;
  /** Size in pixels that generated and real images are resized to before features are extracted. */
  size: number;
  device: Device;
  trials: readonly Trial[];
  extractors: FeatureExtractors;
  /** Networks that also extract features of images for consistency and diversity, named as in the result. */
  pairs?: NetworkName | undefined;
  sameCaption?: NetworkName | undefined;
  translations?: NetworkName | undefined;
  otherNoise?: NetworkName | undefined;
  /** Of several processes, each computes whole batches, and the first one gets the features of all. */
  share?: WorkShare | undefined;
  /** Features of real images by batch, which are kept for the next time with the same networks, data and trials. */
  realFeatures?: Map<number, FeaturesByNetwork> | undefined;
  /** Called with the number of finished trials. */
  onTrial?(done: number): void;
}

/** Features of each network, one row per image, on the CPU. */
export interface ExtractedFeatures {
  trials: readonly Trial[];
  /** Of the generated images of the trials. */
  generated: FeaturesByNetwork;
  /** Of the real images, each once: they belong to the first trials. */
  real: FeaturesByNetwork;
  /**
   * Of the images of both captions of each pair, with the noise of its group: the same z and the same ε. `paired` are
   * the indices of their trials.
   */
  pairs: [FeaturesByNetwork, FeaturesByNetwork];
  paired: number[];
  /** Of images like the first ones of `pairs`, with another ε. */
  sameCaption: FeaturesByNetwork;
  /** As `pairs`, of captions in two languages. */
  translations: [FeaturesByNetwork, FeaturesByNetwork];
  translated: number[];
  /** Of images of the first trials' captions with other noise, as many as real images. */
  otherNoise: FeaturesByNetwork;
  /** DAMSM's sentence features of the trials' captions. */
  sentences: Tensor | undefined;
}

export type FeaturesByNetwork = Partial<Record<NetworkName, Features>>;

/** The parts of the features, one for each batch of trials; undefined in processes other than the first one. */
export function extractParts(options: ExtractOptions): Promise<Part[] | undefined> {
  const { data, split, trials, share = allWork, realFeatures = new Map(), onTrial } = options;
  const first = Math.min(trials.length, data.splits[split].images.length);
  const batches = partsOf(trials, batchSize);
  return share.collect(batches.length, (batch) => {
    const some = batches[batch]!;
    const from = batch * batchSize;
    // Trials whose real image occurs for the first time.
    const newImages = some.slice(0, Math.max(0, first - from));
    const known = realFeatures.get(batch);
    const part = inferenceMode(() => scope(() => extractSome(some, newImages, known, options)));
    realFeatures.set(batch, part.real);
    onTrial?.(from + some.length);
    return part;
  });
}

/** All features together, in the order of the trials. */
export function joinParts(parts: readonly Part[], trials: readonly Trial[]): ExtractedFeatures {
  const joined = (featuresOf: (part: Part) => FeaturesByNetwork): FeaturesByNetwork =>
    Object.fromEntries(
      names.flatMap((name) => {
        const own = parts.flatMap((part) => featuresOf(part)[name] ?? []);
        return own.length === 0 ? [] : [[name, joinFeatures(own)]];
      }),
    );
  const sentences = parts.flatMap((part) => part.sentences ?? []);
  return {
    trials,
    generated: joined(({ generated }) => generated),
    real: joined(({ real }) => real),
    pairs: [joined(({ pairs }) => pairs[0]), joined(({ pairs }) => pairs[1])],
    paired: [...trials.keys()].filter((i) => trials[i]!.pair),
    sameCaption: joined(({ sameCaption }) => sameCaption),
    translations: [
      joined(({ translations }) => translations[0]),
      joined(({ translations }) => translations[1]),
    ],
    translated: [...trials.keys()].filter((i) => trials[i]!.translation),
    otherNoise: joined(({ otherNoise }) => otherNoise),
    sentences: sentences.length > 0 ? cat(sentences) : undefined,
  };
}

/** Images that are generated together. */
const batchSize = 32;

const names = ["inception", "attributeClassifier", "damsm"] as const satisfies NetworkName[];

/** Features of the images of a batch of trials. */
export interface Part {
  generated: FeaturesByNetwork;
  real: FeaturesByNetwork;
  pairs: [FeaturesByNetwork, FeaturesByNetwork];
  sameCaption: FeaturesByNetwork;
  translations: [FeaturesByNetwork, FeaturesByNetwork];
  otherNoise: FeaturesByNetwork;
  sentences: Tensor | undefined;
}

function extractSome(
  some: readonly Trial[],
  newImages: readonly Trial[],
  known: FeaturesByNetwork | undefined,
  options: ExtractOptions,
): Part {
  const { data, split, generate, size, device, extractors } = options;
  const generated = (trials: readonly Trial[], number = 1, epsilonNumber = number) =>
    quantized(
      generate(
        trials.map((trial) => captionOf(data, split, trial)),
        trials.map(({ seed }) => ({ seed, number, epsilonNumber })),
      ),
    );
  const real = (trials: readonly Trial[]) => {
    const choices = trials.map(({ image, caption }) => ({ image, caption }));
    const stored = makeBatch(choices, { data, split, maxWords: Number.POSITIVE_INFINITY });
    return imagesOf(stored, { device, dtype: "float32" });
  };
  const extract = (
    make: () => Tensor,
    trials: readonly Trial[],
    by: readonly NetworkName[],
  ): FeaturesByNetwork => {
    if (trials.length === 0 || by.length === 0) return {};
    // One scope per network: only one network's activations are in memory at a time.
    return scope(() => {
      const images = scope(() => fit(make(), size));
      return Object.fromEntries(
        by.map((name) => [name, scope(() => onCpu(extractors[name]!.extract(images)))]),
      );
    });
  };
  const all = names.filter((name) => extractors[name]);
  const networksFor = (what: "pairs" | "sameCaption" | "translations" | "otherNoise") => {
    const name = options[what];
    return name ? [name] : [];
  };
  const first = (of: "pair" | "translation") =>
    some.flatMap(({ [of]: pair, ...trial }) => (pair ? [{ ...trial, seed: pair.seed }] : []));
  const second = (of: "pair" | "translation") =>
    some.flatMap(({ [of]: pair, ...trial }) =>
      pair ? [{ ...trial, seed: pair.seed, caption: pair.partner }] : [],
    );
  const ofPairs = (trials: readonly Trial[], what: "pairs" | "translations") =>
    extract(() => generated(trials), trials, networksFor(what));
  const again = first("pair");
  return {
    generated: extract(() => generated(some), some, all),
    real: known ?? extract(() => real(newImages), newImages, all),
    pairs: [ofPairs(first("pair"), "pairs"), ofPairs(second("pair"), "pairs")],
    sameCaption: extract(() => generated(again, 1, 2), again, networksFor("sameCaption")),
    translations: [
      ofPairs(first("translation"), "translations"),
      ofPairs(second("translation"), "translations"),
    ],
    otherNoise: extract(() => generated(newImages, 2), newImages, networksFor("otherNoise")),
    sentences: extractors.damsm
      ?.read(some.map((trial) => captionOf(data, split, trial).text))
      .to({ device: "cpu" }),
  };
}

function onCpu({ features, classes }: Features): Features {
  const move = (one: Tensor) => one.to({ device: "cpu" });
  return { features: move(features), classes: classes.map(move) };
}

function joinFeatures(parts: readonly Features[]): Features {
  return {
    features: cat(parts.map(({ features }) => features)),
    classes: parts[0]!.classes.map((_, head) => cat(parts.map(({ classes }) => classes[head]!))),
  };
}
