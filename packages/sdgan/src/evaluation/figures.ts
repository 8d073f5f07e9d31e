/** Computes figures from extracted features: one function per metric. */
import { type FigureName, type MetricName, Random } from "@sdgan/core";
import { type Tensor, tensor } from "@sdgan/torch";
import type { Split } from "../data/dataset.js";
import type { Prepared } from "../data/prepared.js";
import { attributeAccuracy, type ClassifiedImage, namedBy, namedByOthers } from "./attribute-accuracy.js";
import type { ExtractedFeatures, FeatureExtractors, FeaturesByNetwork } from "./extract-features.js";
import { classRatio, semanticConsistency } from "./metrics/consistency.js";
import { meanDistance } from "./metrics/distances.js";
import { semanticDiversity } from "./metrics/diversity.js";
import { frechetDistance } from "./metrics/frechet-distance.js";
import { inceptionScore } from "./metrics/inception-score.js";
import { kernelDistance } from "./metrics/kernel-distance.js";
import { precisionRecall } from "./metrics/precision-recall.js";
import { rPrecision } from "./metrics/r-precision.js";
import type { Features } from "./networks/feature-extractor.js";
import type { Figure, NetworkName } from "./result.js";
import { groupSize, groupSizes, type Trial } from "./trials.js";

/** Input of a metric. */
export interface Evidence extends ExtractedFeatures {
  data: Prepared;
  /** The split of the trials. */
  split: Split;
  extractors: FeatureExtractors;
  /** The network whose features are compared. */
  by: NetworkName;
  seed: number;
}

type Figures = Partial<Record<FigureName, Figure>>;

/** Figures of each metric. `lacking` in measure.ts reports whether a metric can be computed. */
export const figuresOf: Record<MetricName, (evidence: Evidence) => Figures> = {
  inceptionScore({ generated, real, by }) {
    const counts = countsOf(generated, real, by);
    const score = ({ classes }: Features, splits: number) =>
      inceptionScore(classes as [Tensor, ...Tensor[]], splits);
    const { mean, deviation } = score(generated[by]!, scoreSplits);
    // The score grows with a part's size. Parts of real images are therefore as large as those of generated
    // images.
    const realSplits = Math.max(1, Math.round((scoreSplits * counts.realCount) / counts.count));
    return {
      inceptionScore: {
        ...{ generated: mean, deviation, real: score(real[by]!, realSplits).mean, chance: 1 },
        ...{ ...counts, parts: scoreSplits },
      },
    };
  },

  frechetDistance({ generated, real, by }) {
    return {
      frechetDistance: {
        generated: frechetDistance(real[by]!.features, generated[by]!.features),
        ...ofHalves(real[by]!.features, frechetDistance),
        ...countsOf(generated, real, by),
      },
    };
  },

  kernelDistance({ generated, real, by, seed }) {
    const distance = (a: Tensor, b: Tensor) =>
      kernelDistance(a, b, {
        ...{ random: new Random(seed, "kernelDistance"), subsets: kernelSubsets },
        subsetSize: Math.min(kernelSubsetSize, Math.floor(Math.min(a.size(0), b.size(0)) / 2)),
      });
    const { mean, deviation } = distance(real[by]!.features, generated[by]!.features);
    return {
      kernelDistance: {
        ...{ generated: mean, deviation, parts: kernelSubsets },
        ...ofHalves(real[by]!.features, (a, b) => distance(a, b).mean),
        ...countsOf(generated, real, by),
      },
    };
  },

  precisionRecall({ generated, real, by }) {
    const features = real[by]!.features;
    const { precision, recall } = precisionRecall(features, generated[by]!.features);
    const halves = ofHalves(features, precisionRecall).real;
    const counts = countsOf(generated, real, by);
    return {
      precision: { generated: precision, ...(halves && { real: halves.precision }), ...counts },
      recall: { generated: recall, ...(halves && { real: halves.recall }), ...counts },
    };
  },

  rPrecision({ data, split, trials, generated, real, sentences, seed }) {
    const classIds = trials.map(({ image }) => data.splits[split].images.at(image).classId);
    const score = ({ features }: Features) => {
      const count = features.size(0);
      const random = new Random(seed, "rPrecision");
      const options = { random, candidates: searched, repeats: searches };
      return rPrecision(features, sentences!.narrow(0, 0, count), classIds.slice(0, count), options);
    };
    const { mean, deviation } = score(generated.damsm!);
    return {
      rPrecision: {
        ...{ generated: mean, deviation, real: score(real.damsm!).mean, chance: 1 / searched },
        ...{ ...countsOf(generated, real, "damsm"), parts: searches, candidates: searched },
      },
    };
  },

  consistency({ data, split, trials, real, pairs, paired, sameCaption, translations, translated, by, seed }) {
    const compare = (first: Features, second: Features, ofTrials: readonly NonNullable<Trial["pair"]>[]) => {
      const groups = groupSizes(ofTrials);
      const candidates = Math.min(groupSize, ...groups);
      const random = new Random(seed, "consistency");
      const options = { random, groups, candidates };
      const { ratio, retrieval } = semanticConsistency(first.features, second.features, options);
      const counts = { network: by, count: ofTrials.length };
      return {
        ratio: { generated: ratio, chance: 1, ...counts },
        retrieval: { generated: retrieval, chance: 1 / candidates, ...counts, candidates },
      };
    };
    const [first, second] = [pairs[0][by]!, pairs[1][by]!];
    const pairsOf = paired.map((i) => trials[i]!.pair!);
    const { ratio, retrieval } = compare(first, second, pairsOf);
    const { features } = real[by]!;
    const ofClasses = classRatio(
      features,
      trials.slice(0, features.size(0)).map(({ image }) => data.splits[split].images.at(image).classId),
    );
    const [foreign, again] = [translations[1][by], sameCaption[by]];
    const translationsOf = translated.map((i) => trials[i]!.translation!);
    const across =
      foreign &&
      Math.min(...groupSizes(translationsOf)) > 1 &&
      compare(translations[0][by]!, foreign, translationsOf);
    return {
      consistencyRatio: { ...ratio, ...(ofClasses !== undefined && { real: ofClasses }) },
      consistencyRetrieval: retrieval,
      ...(across && { languageRatio: across.ratio, languageRetrieval: across.retrieval }),
      ...(again && { sameCaptionRatio: compare(first, again, pairsOf).ratio }),
    };
  },

  diversity({ data, split, trials, generated, real, pairs, paired, otherNoise, by }) {
    const { features } = generated[by]!;
    const again = otherNoise[by]!.features;
    const once = features.narrow(0, 0, again.size(0));
    const namesOf = (i: number, caption: number) =>
      namedBy(data.splits[split].images.at(trials[i]!.image), caption).join(" ");
    const differing = [...paired.keys()].filter((row) => {
      const i = paired[row]!;
      return namesOf(i, trials[i]!.caption) !== namesOf(i, trials[i]!.pair!.partner);
    });
    const counts = countsOf(generated, real, by);
    return {
      noiseDiversity: {
        generated: semanticDiversity(once, again, features),
        ...{ network: by, count: again.size(0) },
      },
      ...(differing.length > 0 && {
        wordDiversity: {
          generated: semanticDiversity(
            rows(pairs[0][by]!.features, differing),
            rows(pairs[1][by]!.features, differing),
            features,
          ),
          ...{ network: by, count: differing.length },
        },
      }),
      variety: { generated: meanDistance(features) / meanDistance(real[by]!.features), real: 1, ...counts },
    };
  },

  attributeAccuracy({ data, split, trials, generated, real, extractors }) {
    const { attributes } = extractors.attributeClassifier!;
    const score = ({ classes }: Features, namedIn: typeof namedBy) => {
      const predicted = classes.map((one) => one.argmax(1).toNumbers());
      const images = Array.from({ length: sizeOf({ classes }) }, (_, i): ClassifiedImage => {
        const image = data.splits[split].images.at(trials[i]!.image);
        return {
          predicted: Object.fromEntries(
            Object.keys(attributes).map((name, head) => [name, predicted[head]![i]!]),
          ),
          truth: image.attributes!,
          named: namedIn(image, trials[i]!.caption),
        };
      });
      return attributeAccuracy(images, attributes);
    };
    const figure = (namedIn: typeof namedBy): Figure | undefined => {
      const ofReal = score(real.attributeClassifier!, namedIn);
      const { accuracy, chance, byAttribute, named } = score(generated.attributeClassifier!, namedIn);
      if (named === 0) return undefined;
      const realCount = sizeOf(real.attributeClassifier!);
      const figure = {
        generated: accuracy,
        real: ofReal.accuracy,
        chance,
        network: "attributeClassifier",
      } as const;
      return { ...figure, count: named, realCount, byAttribute };
    };
    const [named, others] = [figure(namedBy), figure(namedByOthers)];
    return { ...(named && { attributeAccuracy: named }), ...(others && { otherCaptionsAccuracy: others }) };
  },
};

/** As in the papers. */
export const scoreSplits = 10;
/** As in the paper. With fewer images, a subset is half of them, so that subsets differ. */
const [kernelSubsets, kernelSubsetSize] = [100, 1000];
/** Captions per search of R-precision, the right one included, and the number of searches per image. */
export const searched = 100;
const searches = 10;

/** The metric between two random halves of the real images; empty for too few images. */
function ofHalves<Result>(features: Tensor, distance: (a: Tensor, b: Tensor) => Result): { real?: Result } {
  const count = features.size(0);
  if (count < fewestInHalves) return {};
  const places = new Random(0, "halves").shuffled(Array.from({ length: count }, (_, i) => i));
  const half = count >> 1;
  return { real: distance(rows(features, places.slice(0, half)), rows(features, places.slice(-half))) };
}

const fewestInHalves = 16;

function countsOf(generated: FeaturesByNetwork, real: FeaturesByNetwork, network: NetworkName) {
  return { network, count: sizeOf(generated[network]!), realCount: sizeOf(real[network]!) };
}

function sizeOf({ features, classes }: Partial<Features>): number {
  return (features ?? classes![0]!).size(0);
}

function rows(features: Tensor, places: readonly number[]): Tensor {
  return features.indexSelect(0, tensor([...places], { dtype: "int64" }));
}
