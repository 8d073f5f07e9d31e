/** From what networks saw to figures: a function a metric. */
import { type Tensor, tensor } from "@sdgan/torch";
import type { Prepared } from "../data/prepared.js";
import { Random } from "../random.js";
import { groupSize, groupsOf, split } from "./choose.js";
import { semanticConsistency } from "./metrics/consistency.js";
import { meanDistance } from "./metrics/distances.js";
import { semanticDiversity } from "./metrics/diversity.js";
import { frechetDistance } from "./metrics/frechet-distance.js";
import { inceptionScore } from "./metrics/inception-score.js";
import { kernelDistance } from "./metrics/kernel-distance.js";
import { precisionRecall } from "./metrics/precision-recall.js";
import { rPrecision } from "./metrics/r-precision.js";
import type { Sight } from "./networks/onlooker.js";
import type { Observations, Onlookers, Views } from "./observe.js";
import { namedBy, namedByOthers, type Reading, readerScore } from "./reader-score.js";
import type { Figure, FigureName, MetricName, NetworkName } from "./result.js";

/** What figures are computed of. */
export interface Evidence extends Observations {
  data: Prepared;
  onlookers: Onlookers;
  /** The network whose features pictures are compared by. */
  by: NetworkName;
  seed: number;
}

type Figures = Partial<Record<FigureName, Figure>>;

/** A metric's figures. What they need must have been observed: `lacking` tells. */
export const figuresOf: Record<MetricName, (evidence: Evidence) => Figures> = {
  inceptionScore({ drawn, real, by }) {
    const counts = countsOf(drawn, real, by);
    const score = ({ classes }: Sight, splits: number) =>
      inceptionScore(classes as [Tensor, ...Tensor[]], splits);
    const { mean, deviation } = score(drawn[by]!, scoreSplits);
    // The score grows with a part's size, so real pictures are in fewer parts, each as large as the drawn ones'.
    const realSplits = Math.max(1, Math.round((scoreSplits * counts.realCount) / counts.count));
    return {
      inceptionScore: {
        ...{ drawn: mean, deviation, real: score(real[by]!, realSplits).mean, chance: 1 },
        ...{ ...counts, parts: scoreSplits },
      },
    };
  },

  frechetDistance({ drawn, real, by }) {
    return {
      frechetDistance: {
        drawn: frechetDistance(real[by]!.features, drawn[by]!.features),
        ...ofHalves(real[by]!.features, frechetDistance),
        ...countsOf(drawn, real, by),
      },
    };
  },

  kernelDistance({ drawn, real, by, seed }) {
    const distance = (a: Tensor, b: Tensor) =>
      kernelDistance(a, b, {
        ...{ random: new Random(seed, "kernelDistance"), subsets: kernelSubsets },
        subsetSize: Math.min(kernelSubsetSize, Math.floor(Math.min(a.size(0), b.size(0)) / 2)),
      });
    const { mean, deviation } = distance(real[by]!.features, drawn[by]!.features);
    return {
      kernelDistance: {
        ...{ drawn: mean, deviation, parts: kernelSubsets },
        ...ofHalves(real[by]!.features, (a, b) => distance(a, b).mean),
        ...countsOf(drawn, real, by),
      },
    };
  },

  precisionRecall({ drawn, real, by }) {
    const features = real[by]!.features;
    const { precision, recall } = precisionRecall(features, drawn[by]!.features);
    const halves = ofHalves(features, precisionRecall).real;
    const counts = countsOf(drawn, real, by);
    return {
      precision: { drawn: precision, ...(halves && { real: halves.precision }), ...counts },
      recall: { drawn: recall, ...(halves && { real: halves.recall }), ...counts },
    };
  },

  rPrecision({ data, trials, drawn, real, sentences, seed }) {
    const classIds = trials.map(({ picture }) => data.splits[split].pictures.at(picture).classId);
    const score = ({ features }: Sight) => {
      const count = features.size(0);
      const random = new Random(seed, "rPrecision");
      const options = { random, candidates: searched, repeats: searches };
      return rPrecision(features, sentences!.narrow(0, 0, count), classIds.slice(0, count), options);
    };
    const { mean, deviation } = score(drawn.damsm!);
    return {
      rPrecision: {
        ...{ drawn: mean, deviation, real: score(real.damsm!).mean, chance: 1 / searched },
        ...{ ...countsOf(drawn, real, "damsm"), parts: searches, candidates: searched },
      },
    };
  },

  consistency({ pairs: [first, second], paired, by, seed }) {
    const candidates = Math.min(groupSize, paired.length);
    const { ratio, retrieval } = semanticConsistency(first[by]!.features, second[by]!.features, {
      groups: groupsOf(paired).map(({ length }) => length),
      ...{ random: new Random(seed, "consistency"), candidates },
    });
    const counts = { network: by, count: paired.length };
    return {
      consistencyRatio: { drawn: ratio, chance: 1, ...counts },
      consistencyRetrieval: { drawn: retrieval, chance: 1 / candidates, ...counts, candidates },
    };
  },

  diversity({ data, trials, drawn, real, pairs, paired, otherNoise, by }) {
    const { features } = drawn[by]!;
    const again = otherNoise[by]!.features;
    const once = features.narrow(0, 0, again.size(0));
    const namesOf = (i: number, caption: number) =>
      namedBy(data.splits[split].pictures.at(trials[i]!.picture), caption).join(" ");
    const differing = [...paired.keys()].filter((row) => {
      const i = paired[row]!;
      return namesOf(i, trials[i]!.caption) !== namesOf(i, trials[i]!.pair!.partner);
    });
    const counts = countsOf(drawn, real, by);
    return {
      noiseDiversity: {
        drawn: semanticDiversity(once, again, features),
        ...{ network: by, count: again.size(0) },
      },
      ...(differing.length > 0 && {
        wordDiversity: {
          drawn: semanticDiversity(
            rows(pairs[0][by]!.features, differing),
            rows(pairs[1][by]!.features, differing),
            features,
          ),
          ...{ network: by, count: differing.length },
        },
      }),
      variety: { drawn: meanDistance(features) / meanDistance(real[by]!.features), real: 1, ...counts },
    };
  },

  readerScore({ data, trials, drawn, real, onlookers }) {
    const { attributes } = onlookers.reader!;
    const read = ({ classes }: Sight, asked: typeof namedBy) => {
      const seen = classes.map((one) => one.argmax(1).toNumbers());
      const readings = Array.from({ length: sizeOf({ classes }) }, (_, i): Reading => {
        const picture = data.splits[split].pictures.at(trials[i]!.picture);
        return {
          seen: Object.fromEntries(Object.keys(attributes).map((name, head) => [name, seen[head]![i]!])),
          truth: picture.attributes!,
          asked: asked(picture, trials[i]!.caption),
        };
      });
      return readerScore(readings, attributes);
    };
    const figure = (asked: typeof namedBy): Figure | undefined => {
      const [ofDrawn, ofReal] = [read(drawn.reader!, asked), read(real.reader!, asked)];
      if (ofDrawn.named === 0) return undefined;
      const { accuracy, chance, byAttribute, named } = ofDrawn;
      const realCount = sizeOf(real.reader!);
      const figure = { drawn: accuracy, real: ofReal.accuracy, chance, network: "reader" } as const;
      return { ...figure, count: named, realCount, byAttribute };
    };
    const [named, others] = [figure(namedBy), figure(namedByOthers)];
    return { ...(named && { readerScore: named }), ...(others && { otherCaptionsScore: others }) };
  },
};

/** As the papers have it. */
export const scoreSplits = 10;
/** As the paper has them; halves of what there is where that is less, so that subsets differ. */
const [kernelSubsets, kernelSubsetSize] = [100, 1000];
/** Pictures or captions among which the right one is to be found, and how often R-precision tries. */
export const searched = 100;
const searches = 10;

/** The same figure of one half of the real pictures, chosen at random, against the other; nothing for too few. */
function ofHalves<Result>(features: Tensor, distance: (a: Tensor, b: Tensor) => Result): { real?: Result } {
  const count = features.size(0);
  if (count < fewestInHalves) return {};
  const places = new Random(0, "halves").shuffled(Array.from({ length: count }, (_, i) => i));
  const half = count >> 1;
  return { real: distance(rows(features, places.slice(0, half)), rows(features, places.slice(-half))) };
}

const fewestInHalves = 16;

function countsOf(drawn: Views, real: Views, network: NetworkName) {
  return { network, count: sizeOf(drawn[network]!), realCount: sizeOf(real[network]!) };
}

function sizeOf({ features, classes }: Partial<Sight>): number {
  return (features ?? classes![0]!).size(0);
}

function rows(features: Tensor, places: readonly number[]): Tensor {
  return features.indexSelect(0, tensor([...places], { dtype: "int64" }));
}
