import { isPlural, list, withArticle } from "./grammar.js";

/** What a sentence says, in the order in which it says it. */
export interface Statement {
  /** The word for the bird's size; undefined if it is not named. */
  size: string | undefined;
  /** At least one. */
  features: Feature[];
  /** Whether there is a comma before the last "and". */
  comma: boolean;
}

/** "deep red" of the "head"; "spotted" and "blue" of the "wings"; "bars" of the "wings", without adjectives. */
export interface Feature {
  part: string;
  adjectives: string[];
  /** The pattern as a noun, where adjectives do not name it. */
  marks?: string;
}

export interface Sentence {
  /** Whether it may name the pattern with a noun: "bars on its wings". */
  marks: boolean;
  say(statement: Statement): string;
}

/** For captions of all splits. */
export const commonSentences: readonly Sentence[] = [
  withMarks((one) => `${aBird(one)} with ${phrases(one)}`),
  withMarks((one) => `this is ${aBird(one)} that has ${phrases(one)}`),
  withMarks((one) => `the ${bird(one)} has ${phrases(one)}`),
  withMarks((one) => `${bird(one)} with ${barePhrases(one)}`),
  withMarks((one) => `there is ${aBird(one)} with ${phrases(one)}`),
  withMarks((one) => `an image of ${aBird(one)} with ${phrases(one)}`),
  withMarks((one) => `this image shows ${aBird(one)} with ${phrases(one)}`),
  withMarks((one) => `in this image there is ${aBird(one)} that has ${phrases(one)}`),
  withMarks((one) => `with ${phrases(one)}, this is ${aBird(one)}`),
  withMarks((one) => `${aBird(one)} whose ${list(clauses(one), one.comma)}`),
  withMarks(({ size, ...one }) =>
    size ? `this bird is ${size} and has ${phrases(one)}` : `this bird has ${phrases(one)}`,
  ),
  withMarks(({ size, ...one }) => {
    const own = clauses(one).map((clause) => `its ${clause}`);
    return list(size ? [`the bird is ${size}`, ...own] : own, one.comma);
  }),
  withoutMarks((one) => `the ${barePhrases(one)} of this ${bird(one)}`),
  withoutMarks((one) => `${barePhrases(one)} on ${aBird(one)}`),
  withoutMarks((one) => `${aBird(one)}, ${list(absolutes(one), one.comma)}`),
  withoutMarks((one) => {
    const verb = one.features.length > 1 || isPlural(one.features[0]!.part) ? "belong" : "belongs";
    return `${phrases(one)} ${verb} to this ${bird(one)}`;
  }),
];

/** Only for captions of the test split. They have no words that the others lack. */
export const testSentences: readonly Sentence[] = [
  withMarks((one) => `the ${bird(one)} in this image has ${phrases(one)}`),
  withMarks((one) => `this image shows that the ${bird(one)} has ${phrases(one)}`),
  withMarks((one) => `${aBird(one)} that has ${phrases(one)} is in this image`),
  withMarks((one) => `there is ${aBird(one)} whose ${list(clauses(one), one.comma)}`),
  withoutMarks((one) => {
    const [{ part, adjectives }, ...others] = one.features as [Feature, ...Feature[]];
    const first = `the ${part} of this ${bird(one)} ${be(part)} ${adjectives.join(" and ")}`;
    const rest = clauses({ features: others }).map((clause) => `its ${clause}`);
    return list([first, ...rest], one.comma);
  }),
];

function withMarks(say: Sentence["say"]): Sentence {
  return { marks: true, say };
}

function withoutMarks(say: Sentence["say"]): Sentence {
  return { marks: false, say };
}

function bird({ size }: { size?: string | undefined }): string {
  return size ? `${size} bird` : "bird";
}

function aBird(statement: { size?: string | undefined }): string {
  return withArticle(bird(statement));
}

/** "a red head, barred wings and a long tail" */
function phrases({ features, comma }: Omit<Statement, "size">): string {
  const items = features.map(({ part, adjectives, marks }) => {
    if (adjectives.length === 0) return `${marks} on its ${part}`;
    const described = `${adjectives.join(" ")} ${part}`;
    return (isPlural(part) ? described : withArticle(described)) + (marks ? ` with ${marks}` : "");
  });
  return list(items, comma);
}

/** "red head, barred wings and long tail" */
function barePhrases({ features, comma }: Statement): string {
  const items = features.map(({ part, adjectives, marks }) => {
    if (adjectives.length === 0) return `${marks} on its ${part}`;
    return `${adjectives.join(" ")} ${part}${marks ? ` with ${marks}` : ""}`;
  });
  return list(items, comma);
}

/** "head is red", "wings are blue and barred", "wings have bars" */
function clauses({ features }: Pick<Statement, "features">): string[] {
  return features.map(({ part, adjectives, marks }) => {
    if (adjectives.length === 0) return `${part} ${isPlural(part) ? "have" : "has"} ${marks}`;
    return `${part} ${be(part)} ${adjectives.join(" and ")}${marks ? ` with ${marks}` : ""}`;
  });
}

/** "its head red", "its wings blue and barred" */
function absolutes({ features }: Pick<Statement, "features">): string[] {
  return features.map(({ part, adjectives }) => `its ${part} ${adjectives.join(" and ")}`);
}

function be(part: string): string {
  return isPlural(part) ? "are" : "is";
}
