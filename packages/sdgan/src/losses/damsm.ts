/**
 * DAMSM's losses (Xu et al., 2018, §3.2): scores of how well each image of a batch matches each caption, by words and by
 * sentence, and the cross entropy of identifying the matching one.
 */
import { arange, functional, type Tensor } from "@sdgan/torch";
import { othersOfClass } from "./classes.js";

/** γ1 sharpens the attention over regions, γ2 the weighting of words, γ3 scales the scores. */
export type Gamma = readonly [gamma1: number, gamma2: number, gamma3: number];

/** Cross entropies of identifying the caption of an image, and the image of a caption. */
export interface MatchingLoss {
  imageToText: Tensor;
  textToImage: Tensor;
}

/**
 * The loss by words. Region-word scores of all pairs are computed at once instead of caption by caption.
 *
 * @param regions [B, D, H, W]
 * @param words [B, D, T]
 * @param mask [B, T], true where there is a word
 * @param classIds [B], int64: images of a caption's own class do not count as wrong answers
 * @param gather if `regions` are of some of the B images: their scores [images, B] → those of all images [B, B]
 */
export function wordsLoss(
  regions: Tensor,
  words: Tensor,
  mask: Tensor,
  gamma: Gamma,
  classIds?: Tensor,
  gather?: Gather,
): MatchingLoss {
  return matchingLoss(wordScores(regions, words, mask, gamma).mul(gamma[2]), classIds, gather);
}

/** The rows of all processes from this process's. */
type Gather = (rows: Tensor) => Tensor;

/**
 * The loss by sentence: scores are cosines.
 *
 * @param code [B, D]
 * @param sentence [B, D]
 */
export function sentenceLoss(
  code: Tensor,
  sentence: Tensor,
  gamma: Gamma,
  classIds?: Tensor,
  gather?: Gather,
): MatchingLoss {
  const norms = code.norm(1, true).matmul(sentence.norm(1, true).t()); // [B, B]
  const cosines = code.matmul(sentence.t()).div(norms.clamp(1e-8));
  return matchingLoss(cosines.mul(gamma[2]), classIds, gather);
}

/** R(image, caption) = log Σ_t exp(γ2 · cos(context_t, w_t)) for all pairs: [images, captions]. */
export function wordScores(regions: Tensor, words: Tensor, mask: Tensor, gamma: Gamma): Tensor {
  const [J, T] = mask.shape as [number, number];
  const absent = mask.logicalNot();
  const present = words.maskedFill(absent.unsqueeze(1), 0); // So that padding does not affect gradients.
  const attended = attendRegions(regions, present, mask, gamma[0]);
  const [, R, D] = attended.places.shape as [number, number, number];
  const flatWords = flattened(present).unsqueeze(0); // [1, D, T·J]
  const { dot, norm } = R < D ? comparedByProducts(attended) : comparedByContexts(attended, flatWords);
  const cosines = dot.div(norm.mul(flatWords.norm(1)).clamp(1e-8)).view(-1, T, J);
  return cosines.mul(gamma[1]).maskedFill(absent.t(), -Infinity).logsumexp(1);
}

/** All words [J, D, T] → [D, T·J]: the first words of all captions, then the second ones, as `wordAttention` likes them. */
function flattened(words: Tensor): Tensor {
  return words.permute(1, 2, 0).flatten(1);
}

type Attended = ReturnType<typeof attendRegions>;

/** The product of each word's context in each image with the word, and the context's norm; both [I, T·J]. */
function comparedByContexts({ places, attention }: Attended, flatWords: Tensor) {
  const context = places.transpose(1, 2).bmm(attention); // [I, D, T·J]
  return { dot: context.mul(flatWords).sum(1), norm: context.norm(1) };
}

/**
 * The same without computing the contexts, which is less work if there are fewer regions than features. Since
 * context_t = Σ_r a_r · region_r, its product with w_t is Σ_r a_r · (region_r · w_t), computed from the existing scores,
 * and its squared norm is aᵀ G a, where G contains the products of the regions.
 */
function comparedByProducts({ places, scores, attention }: Attended) {
  const gram = places.bmm(places.transpose(1, 2)); // [I, R, R]
  const squares = attention.mul(gram.bmm(attention)).sum(1);
  return { dot: attention.mul(scores).sum(1), norm: squares.clamp(1e-16).sqrt() };
}

/**
 * The context of each word of each caption in each image: context_t = Σ_regions a · region.
 *
 * @returns context [I, J, T, D] and attention over regions [I, J, T, H·W], for images I and captions J
 */
export function wordContexts(
  regions: Tensor,
  words: Tensor,
  mask: Tensor,
  gamma1: number,
): { context: Tensor; attention: Tensor } {
  const [J, T] = mask.shape as [number, number];
  const { places, attention } = attendRegions(regions, words, mask, gamma1);
  const overRegions = attention.transpose(1, 2); // [I, T·J, R]
  const byCaption = (values: Tensor) => values.reshape(values.size(0), T, J, values.size(2)).transpose(1, 2);
  return { context: byCaption(overRegions.bmm(places)), attention: byCaption(overRegions) };
}

/**
 * a = softmax over regions of γ1 · e, where e = softmax over words of regionᵀ · word.
 *
 * @returns places [I, R, D], the regions; scores regionᵀ · word and attention a, both [I, R, T·J]
 */
function attendRegions(regions: Tensor, words: Tensor, mask: Tensor, gamma1: number) {
  const [J, T] = mask.shape as [number, number];
  const places = regions.flatten(2).transpose(1, 2).contiguous(); // [I, R, D]
  const [I, R, D] = places.shape as [number, number, number];
  const scores = places
    .view(I * R, D)
    .matmul(flattened(words))
    .view(I, R, T, J);
  const attention = functional.wordAttention(scores.transpose(2, 3), mask.logicalNot(), gamma1);
  return { places, scores: scores.flatten(2), attention: attention.transpose(2, 3).flatten(2) };
}

/** @param given [images, captions], with matching pairs on the diagonal when all images are gathered */
function matchingLoss(given: Tensor, classIds?: Tensor, gather: Gather = (rows) => rows): MatchingLoss {
  const scores = gather(given);
  const B = scores.size(0);
  const own = arange(0, B, 1, { device: scores.device });
  const masked = classIds ? scores.maskedFill(othersOfClass(classIds), -Infinity) : scores;
  return {
    imageToText: functional.crossEntropy(masked, own),
    textToImage: functional.crossEntropy(masked.t(), own),
  };
}
