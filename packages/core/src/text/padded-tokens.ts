/** The captions of a batch as one array, padded to the longest. */
export interface PaddedTokens {
  /** [B, T] tokens, T the longest caption's length; 0 after a caption's end. */
  tokens: Int32Array;
  /** [B] words of each caption. */
  lengths: Int32Array;
}

/** @param captions tokens of each of the B captions */
export function paddedTokens(captions: readonly ArrayLike<number>[]): PaddedTokens {
  const lengths = Int32Array.from(captions, ({ length }) => length);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const tokens = new Int32Array(captions.length * longest);
  for (const [b, own] of captions.entries()) tokens.set(own, b * longest);
  return { tokens, lengths };
}
