import { type Random, UserError } from "@sdgan/core";
import { type Attribute, attributes, distribute, type MakeTraits, type Traits } from "./species.js";

/** Which attribute follows from which. The others are independent: body, wings, belly and beak. */
const sources = { head: "body", size: "body", pattern: "wings", tail: "beak" } as const satisfies Partial<
  Record<Attribute, Attribute>
>;
type Inferred = keyof typeof sources;
const inferred = Object.keys(sources) as Inferred[];

/** Share of a split's species in which an attribute has the value that follows. */
const ruledShare = 0.9;

/**
 * Traits that go together, so that some can be inferred from others. The same rules hold for all species of a data set:
 * every colour of the body has its own colour of the head, and half of them are of small birds; each pattern is of about
 * a third of the colours of the wings; beak and tail are alike. In nine of ten species of a split, to the nearest whole
 * number, an attribute has the value of its rule, in the others a random other one.
 * @throws UserError for more species than combinations of the independent attributes, 2,000
 */
export const correlatedTraits: MakeTraits = ({ train, test }, random) => {
  const rules = Object.fromEntries(inferred.map((name) => [name, makeRule(name, random)])) as Rules;
  const free = random.shuffled(independentCombinations());
  if (train + test > free.length)
    throw new UserError(
      `birds: species is ${train + test}, but must be at most ${free.length} with correlated traits`,
      { code: "usage" },
    );
  return [free.slice(0, train), free.slice(train, train + test)].flatMap((some) =>
    complete(some, rules, random),
  );
};

/** Attribute → value of the attribute that it follows from → its value. */
type Rules = Record<Inferred, ReadonlyMap<string, string>>;
type Independent = Omit<Traits, Inferred>;

function makeRule(name: Inferred, random: Random): Rules[Inferred] {
  const from: readonly string[] = attributes[sources[name]];
  const to = name === "tail" ? attributes.tail : distribute<string>(attributes[name], from.length, random);
  return new Map(from.map((value, i) => [value, to[i]!]));
}

/** All combinations of values: each is of one species at most. */
function independentCombinations(): Independent[] {
  const { body, wings, belly, beak } = attributes;
  return body.flatMap((body) =>
    wings.flatMap((wings) =>
      belly.flatMap((belly) => beak.map((beak): Independent => ({ body, wings, belly, beak }))),
    ),
  );
}

/** Adds the attributes that follow from the others. */
function complete(species: readonly Independent[], rules: Rules, random: Random): Traits[] {
  const columns = inferred.map((name) => {
    const order = random.shuffled([...species.keys()]);
    const ruled = new Set(order.slice(0, Math.round(ruledShare * species.length)));
    const values = species.map((traits, i) => {
      const value = rules[name].get(traits[sources[name]])!;
      return ruled.has(i) ? value : random.pick(attributes[name].filter((other) => other !== value));
    });
    return [name, values] as const;
  });
  return species.map(
    (traits, i) =>
      ({
        ...traits,
        ...Object.fromEntries(columns.map(([name, values]) => [name, values[i]])),
      }) as Traits,
  );
}
