/**
 * Named-attribute accuracy: of the attributes that captions name, the share that the attribute classifier sees in images. The truth
 * is known for drawn data, so meaning is measured without a person.
 */
import type { AttributeValues } from "../artifacts/attribute-classifier.js";
import type { PreparedImage } from "../data/format.js";

export interface AttributeAccuracy {
  /** Over all attributes named. */
  accuracy: number;
  /** By attribute. */
  byAttribute: Record<string, number>;
  /** What guessing among an attribute's values would reach. */
  chance: number;
  /** Attributes named in all. */
  named: number;
}

/** An image that was read: what was seen in it, what is true of it, and which attributes count. */
export interface Reading {
  /** Attribute → the value that the attribute classifier sees. */
  seen: Record<string, number>;
  truth: Record<string, number>;
  asked: readonly string[];
}

/** @returns accuracy and chance are NaN where nothing is asked */
export function attributeAccuracy(
  readings: Iterable<Reading>,
  attributes: AttributeValues,
): AttributeAccuracy {
  const counts = new Map<string, { right: number; named: number }>();
  let [right, named, chance] = [0, 0, 0];
  for (const { seen, truth, asked } of readings) {
    for (const name of asked) {
      const count = counts.get(name) ?? { right: 0, named: 0 };
      const isRight = seen[name] === truth[name] ? 1 : 0;
      counts.set(name, { right: count.right + isRight, named: count.named + 1 });
      right += isRight;
      named += 1;
      chance += 1 / attributes[name]!.length;
    }
  }
  return {
    accuracy: right / named,
    byAttribute: Object.fromEntries([...counts].map(([name, count]) => [name, count.right / count.named])),
    chance: chance / named,
    named,
  };
}

/** Attributes that a caption names. */
export function namedBy({ captions }: PreparedImage, caption: number): string[] {
  return captions[caption]!.names ?? [];
}

/** Attributes that only other captions of the same image name. */
export function namedByOthers({ captions }: PreparedImage, caption: number): string[] {
  const own = new Set(captions[caption]!.names);
  return [...new Set(captions.flatMap(({ names = [] }) => names))].filter((name) => !own.has(name));
}
