/** Prompts to begin with, in several languages; a model is offered those whose words it knows. */
const EXAMPLES = [
  "a small red bird with black wings",
  "a yellow bird with a long tail and white belly",
  "a large blue bird with an orange beak",
  "smiling face with sunglasses",
  "crying face",
  "cat face with tears of joy",
  "grinning face",
  "笑脸",
  "lachendes Gesicht",
  "cara sonriente",
];

/** At most four prompts for a model that knows these words; with a vocabulary of something else, of its own words. */
export function examplesFor(words: readonly string[]): string[] {
  const known = new Set(words);
  const fitting = EXAMPLES.filter((prompt) => tokens(prompt).every((word) => known.has(word)));
  if (fitting.length > 0) return fitting.slice(0, 4);
  const long = words.filter((word) => /^\p{L}{3,}$/u.test(word)).slice(0, 3);
  return long.length > 0 ? [long.join(" ")] : [];
}

function tokens(prompt: string): string[] {
  return prompt.toLowerCase().match(/\p{Script=Han}|[\p{L}\p{M}]+/gu) ?? [];
}
