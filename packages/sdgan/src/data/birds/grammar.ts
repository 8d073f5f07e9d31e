/** The English that the sentences about birds need. */

/** Whether a part, or the first of several, takes a plural verb and no article: "wings", "tail feathers". */
export function isPlural(part: string): boolean {
  return /^(wings|\w+ feathers)/.test(part);
}

/** "a red bird", "an orange bird". */
export function withArticle(words: string): string {
  return `${/^[aeiou]/.test(words) ? "an" : "a"} ${words}`;
}

/** "a, b and c", or with `comma` "a, b, and c". */
export function list(items: readonly string[], comma: boolean): string {
  if (items.length < 2) return items.join();
  return `${items.slice(0, -1).join(", ")}${comma && items.length > 2 ? "," : ""} and ${items.at(-1)}`;
}
