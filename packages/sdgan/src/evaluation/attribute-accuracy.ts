/**
 * Attribute accuracy: of the attributes that captions name, the share that the attribute classifier finds in
 * the images. The true values are known for the built-in birds, so agreement with the caption is measured
 * without human raters.
 */
import type { AttributeValues } from "../artifacts/attribute-classifier.js";
import type { PreparedImage } from "../data/format.js";

export interface AttributeAccuracy {
  /** Over all attributes named. */
  accuracy: number;
  /** By attribute. */
  byAttribute: Record<string, number>;
  /** Expected accuracy of guessing uniformly among an attribute's values. */
  chance: number;
  /** Total number of named attributes. */
  named: number;
}

/** Attribute values of one image: predicted, and expected by its caption. */
export interface ClassifiedImage {
  /** Attribute → value predicted by the attribute classifier. */
  predicted: Record<string, number>;
  /** Attribute → true value. */
  truth: Record<string, number>;
  /** Attributes that are counted. */
  named: readonly string[];
}

/** @returns accuracy and chance are NaN if no attribute is named */
export function attributeAccuracy(
  images: Iterable<ClassifiedImage>,
  attributes: AttributeValues,
): AttributeAccuracy {
  const counts = new Map<string, { right: number; named: number }>();
  let [right, total, chance] = [0, 0, 0];
  for (const { predicted, truth, named } of images) {
    for (const name of named) {
      const count = counts.get(name) ?? { right: 0, named: 0 };
      const isRight = predicted[name] === truth[name] ? 1 : 0;
      counts.set(name, { right: count.right + isRight, named: count.named + 1 });
      right += isRight;
      total += 1;
      chance += 1 / attributes[name]!.length;
    }
  }
  return {
    accuracy: right / total,
    byAttribute: Object.fromEntries([...counts].map(([name, count]) => [name, count.right / count.named])),
    chance: chance / total,
    named: total,
  };
}

/** Attributes that the caption names. */
export function namedBy({ captions }: PreparedImage, caption: number): string[] {
  return captions[caption]!.names ?? [];
}

/** Attributes that other captions of the same image name and this one does not. */
export function namedByOthers({ captions }: PreparedImage, caption: number): string[] {
  const own = new Set(captions[caption]!.names);
  return [...new Set(captions.flatMap(({ names = [] }) => names))].filter((name) => !own.has(name));
}
