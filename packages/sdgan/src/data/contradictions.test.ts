import { Random } from "@sdgan/core";
import { describe, expect, it } from "vitest";
import { Contradictions } from "./contradictions.js";

const random = new Random(7);
const pick = <T>(from: readonly T[]) => from[random.below(from.length)]!;

/** Each image has a beak and a color, each said in one of two ways; `repeated` captions each. */
function images(count: number, repeated: number) {
  return Array.from({ length: count }, () => {
    const beak = pick([["long"], ["short", "stubby"]]);
    const color = pick([["red", "scarlet"], ["blue"]]);
    return Array.from({ length: repeated }, () =>
      `${pick(["a", "the"])} ${pick(color)} bird ${pick(["with", "has"])} a ${pick(beak)} beak`.split(" "),
    );
  });
}

const words = [
  "",
  "a",
  "the",
  "bird",
  "with",
  "has",
  "beak",
  "long",
  "short",
  "stubby",
  "red",
  "scarlet",
  "blue",
];
const tokensOf = (caption: readonly string[]) => caption.map((word) => words.indexOf(word));
const learn = (given: string[][][]) => new Contradictions(given.map((captions) => captions.map(tokensOf)));

/** All captions that `change` makes of one. */
function changes(contradictions: Contradictions, caption: string): string[] {
  const made = Array.from({ length: 200 }, (_, i) =>
    contradictions.change(tokensOf(caption.split(" ")), new Random(i)),
  );
  return [...new Set(made.map((tokens) => tokens?.map((token) => words[token]).join(" ") ?? ""))].sort();
}

describe("contradictions", () => {
  const contradictions = learn(images(400, 4));

  it("changes one word to one that no caption of the same image has there", () => {
    expect(changes(contradictions, "a red bird with a long beak")).toEqual([
      "a blue bird with a long beak",
      "a red bird with a short beak",
      "a red bird with a stubby beak",
    ]);
  });

  it("changes no word to a synonym, and none that says nothing about the image", () => {
    expect(changes(contradictions, "the scarlet bird has a stubby beak")).toEqual([
      "the blue bird has a stubby beak",
      "the scarlet bird has a long beak",
    ]);
  });

  it("leaves captions alone whose words have none", () => {
    expect(changes(contradictions, "a bird")).toEqual([""]);
    expect(changes(contradictions, "beak")).toEqual([""]);
  });

  it("finds nothing in images with one caption each, and in a handful of images", () => {
    for (const given of [images(400, 1), images(3, 2)]) {
      expect(changes(learn(given), "a red bird with a long beak")).toEqual([""]);
      expect(learn(given).isEmpty).toBe(true);
    }
    expect(contradictions.isEmpty).toBe(false);
  });
});
