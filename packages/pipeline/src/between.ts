/** Interpolation between two images: of their noise, and of the features of their captions. */

/** The generator's inputs that depend on a caption: word features [D, T] and sentence feature [D]. */
export interface TextFeatures {
  words: Float32Array<ArrayBuffer>;
  sentence: Float32Array<ArrayBuffer>;
  /** T, the number of words. */
  length: number;
}

/**
 * Noise on the way from `a` (t = 0) to `b` (t = 1) by spherical interpolation (White, 2016, "Sampling Generative
 * Networks"): its length stays that of noise that the generator knows, which linear interpolation shortens.
 */
export function noiseBetween(
  a: Float32Array<ArrayBuffer>,
  b: Float32Array<ArrayBuffer>,
  t: number,
): Float32Array<ArrayBuffer> {
  const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  // Equal or opposite directions have no arc between them.
  if (!(Math.sin(angle) > 1e-6)) return mixed(a, b, 1 - t, t);
  return mixed(a, b, Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle));
}

/**
 * Text features on the way from `a` (t = 0) to `b` (t = 1), linearly. Captions of different lengths have a length in
 * between; its words are interpolated between the features at the same relative place of both captions.
 */
export function textBetween(a: TextFeatures, b: TextFeatures, t: number): TextFeatures {
  const length = Math.round(a.length + (b.length - a.length) * t);
  return {
    words: mixed(resampled(a, length), resampled(b, length), 1 - t, t),
    sentence: mixed(a.sentence, b.sentence, 1 - t, t),
    length,
  };
}

/** [D, T] → [D, length]: columns between the nearest two words, from the first word to the last. */
function resampled({ words, length }: TextFeatures, count: number): Float32Array<ArrayBuffer> {
  if (count === length) return words;
  const width = words.length / length;
  const result = new Float32Array(width * count);
  for (let column = 0; column < count; column++) {
    const place = count === 1 ? 0 : (column * (length - 1)) / (count - 1);
    const left = Math.floor(place);
    const right = Math.min(left + 1, length - 1);
    for (let row = 0; row < width; row++) {
      const from = words[row * length + left]!;
      result[row * count + column] = from + (words[row * length + right]! - from) * (place - left);
    }
  }
  return result;
}

function mixed(
  a: Float32Array<ArrayBuffer>,
  b: Float32Array<ArrayBuffer>,
  ofA: number,
  ofB: number,
): Float32Array<ArrayBuffer> {
  return a.map((value, i) => value * ofA + b[i]! * ofB);
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
