/** For tests: what captions of the built-in birds say, read without the code that wrote them. */
import type { Traits } from "../data/birds/species.js";

/** The attributes that a caption names, with the values it gives them. */
export function understand(caption: string): Partial<Traits> {
  const text = caption.replace(modifiers, "");
  const said: Record<string, string> = {};
  const say = (partWords: string, valueWords: string) => {
    for (const part of partWords.split(" and ").map((word) => partOf[word]!)) {
      for (const word of valueWords.replaceAll("and ", "").split(" ")) {
        said[patternOf[word] ? "pattern" : part] = (patternOf[word] ?? meaningOf[word])!;
      }
    }
  };
  const part = anyOf(partOf);
  const value = anyOf({ ...meaningOf, ...patternOf });
  for (const [, values, parts] of text.matchAll(
    RegExp(`(${value}(?: ${value})*) (${part}(?: and ${part})*)`, "g"),
  )) {
    say(parts!, values!);
  }
  for (const [, parts, values] of text.matchAll(
    RegExp(`(${part}(?: and ${part})*) (?:is|are) (${value}(?: and ${value})*)`, "g"),
  )) {
    say(parts!, values!);
  }
  for (const [, named, values] of text.matchAll(RegExp(`its (${part}) (${value}(?: and ${value})*)`, "g")))
    say(named!, values!);
  for (const [, named, values] of text.matchAll(
    RegExp(`the (${part}) of this (?:${anyOf(sizeOf)} )?bird (?:is|are) (${value}(?: and ${value})*)`, "g"),
  )) {
    say(named!, values!);
  }
  const marks = text.match(anyOf(marksOf))?.[0];
  if (marks) said.pattern = marksOf[marks]!;
  const size = text.match(RegExp(`(${anyOf(sizeOf)}) bird|bird is (${anyOf(sizeOf)})`));
  if (size) said.size = sizeOf[(size[1] ?? size[2])!]!;
  return said as Partial<Traits>;
}

/** A pattern for any of the words; longer ones first, so that "tail feathers" does not match as "tail". */
function anyOf(words: Record<string, string>): string {
  const longestFirst = Object.keys(words).sort((a, b) => b.length - a.length);
  return `\\b(?:${longestFirst.join("|")})\\b`;
}

/** Words that change no meaning. */
const modifiers = /\b(deep|bright|rich|soft|jet|very|rather|entirely|boldly|finely|bold|fine|visible) /g;

function lexicon(entries: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([meaning, words]) => words.split(", ").map((word) => [word, meaning])),
  );
}

const partOf = lexicon({
  body: "body, back, body feathers, back feathers",
  wings: "wings, wing, wing feathers",
  head: "head, crown, head feathers, crown feathers",
  belly: "belly, breast, underside, chest, belly feathers, breast feathers",
  beak: "beak, bill",
  tail: "tail, tail feathers",
});
const meaningOf = lexicon({
  red: "red, scarlet, crimson",
  orange: "orange, tangerine",
  yellow: "yellow, golden",
  green: "green, emerald",
  blue: "blue, azure",
  pink: "pink, rosy",
  brown: "brown, chestnut",
  black: "black, ebony",
  white: "white, snowy",
  gray: "gray, grey",
  short: "short, stubby",
  long: "long, elongated",
});
const patternOf = lexicon({
  plain: "plain, unmarked",
  barred: "barred, striped, banded",
  spotted: "spotted, speckled, dotted",
});
const marksOf = lexicon({
  plain: "no markings, no pattern",
  barred: "bars, stripes",
  spotted: "spots, dots, speckles",
});
const sizeOf = lexicon({ small: "small, little, tiny", large: "large, big" });
