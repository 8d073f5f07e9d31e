/**
 * DAMSM's losses (Xu et al., 2018, §3.2): how well each picture of a batch fits each caption, by words and by
 * sentence, and the cross entropy of finding the own one among the others.
 */
import { arange, functional, type Tensor } from "@sdgan/torch";

/** γ1 sharpens attention over regions, γ2 weighs the words, γ3 scales the scores. */
export type Gamma = readonly [gamma1: number, gamma2: number, gamma3: number];

/** Cross entropies of finding the caption of a picture, and the picture of a caption. */
export interface MatchingLoss {
  imageToText: Tensor;
  textToImage: Tensor;
}

/**
 * The loss by words. Region-word scores of all pairs are computed at once, not caption by caption.
 *
 * @param regions [B, D, H, W]
 * @param words [B, D, T]
 * @param mask [B, T], true where there is a word
 * @param classIds [B], int64: pictures of a caption's own class do not count as wrong answers
 */
export function wordsLoss(
  regions: Tensor,
  words: Tensor,
  mask: Tensor,
  gamma: Gamma,
  classIds?: Tensor,
): MatchingLoss {
  return matchingLoss(wordScores(regions, words, mask, gamma).mul(gamma[2]), classIds);
}

/**
 * The loss by sentence: scores are cosines.
 *
 * @param code [B, D]
 * @param sentence [B, D]
 */
export function sentenceLoss(code: Tensor, sentence: Tensor, gamma: Gamma, classIds?: Tensor): MatchingLoss {
  const norms = code.norm(1, true).matmul(sentence.norm(1, true).t()); // [B, B]
  const cosines = code.matmul(sentence.t()).div(norms.clamp(1e-8));
  return matchingLoss(cosines.mul(gamma[2]), classIds);
}

/**
 * R(picture, caption) = log Σ_t exp(γ2 · cos(context_t, w_t)) for all pairs: [pictures, captions].
 * context_t = Σ_regions a · region; a = softmax over regions of γ1 · e; e = softmax over words of regionᵀ · word.
 */
export function wordScores(regions: Tensor, words: Tensor, mask: Tensor, gamma: Gamma): Tensor {
  const { context } = wordContexts(regions, words, mask, gamma[0]); // [I, J, T, D]
  const target = words.transpose(1, 2).unsqueeze(0); // [1, J, T, D]
  const dot = context.mul(target).sum(3);
  const norms = context.norm(3).mul(target.norm(3)).clamp(1e-8);
  const absent = mask.logicalNot().unsqueeze(0); // [1, J, T]
  return dot.div(norms).mul(gamma[1]).maskedFill(absent, -Infinity).logsumexp(2);
}

/**
 * What each word of each caption sees of each picture.
 *
 * @returns context [I, J, T, D] and attention over regions [I, J, T, H·W], for pictures I and captions J
 */
export function wordContexts(
  regions: Tensor,
  words: Tensor,
  mask: Tensor,
  gamma1: number,
): { context: Tensor; attention: Tensor } {
  const [I, D] = [regions.size(0), regions.size(1)];
  const [J, T] = [words.size(0), words.size(2)];
  const places = regions.flatten(2).transpose(1, 2); // [I, R, D]
  const R = places.size(1);
  const flatWords = words.permute(1, 0, 2).reshape(D, J * T); // [D, J·T]
  const absent = mask.logicalNot().view(1, 1, J, T);
  const scores = places
    .reshape(I * R, D)
    .matmul(flatWords)
    .view(I, R, J, T);
  const overWords = scores.maskedFill(absent, -Infinity).softmax(3);
  const attention = overWords.mul(gamma1).softmax(1); // [I, R, J, T]
  const context = attention
    .view(I, R, J * T)
    .transpose(1, 2)
    .bmm(places); // [I, J·T, D]
  return { context: context.view(I, J, T, D), attention: attention.permute(0, 2, 3, 1) };
}

/** @param scores [pictures, captions], the pairs that belong together on the diagonal */
function matchingLoss(scores: Tensor, classIds?: Tensor): MatchingLoss {
  const B = scores.size(0);
  const own = arange(0, B, 1, { device: scores.device });
  const masked = classIds ? scores.maskedFill(sameClass(classIds), -Infinity) : scores;
  return {
    imageToText: functional.crossEntropy(masked, own),
    textToImage: functional.crossEntropy(masked.t(), own),
  };
}

/** [B, B], true for two different pictures of one class. */
function sameClass(classIds: Tensor): Tensor {
  const equal = classIds.unsqueeze(0).eq(classIds.unsqueeze(1));
  const own = arange(0, classIds.size(0), 1, { device: classIds.device });
  return equal.logicalAnd(own.unsqueeze(0).ne(own.unsqueeze(1)));
}
