import type { Example, Source } from "../data/dataset.js";

/** For tests: all examples of a source. */
export async function examplesOf(source: Source): Promise<Example[]> {
  const examples: Example[] = [];
  for await (const example of source.examples()) examples.push(example);
  return examples;
}
