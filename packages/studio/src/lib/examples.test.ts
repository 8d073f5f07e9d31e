import { expect, it } from "vitest";
import { examplesFor } from "./examples.js";

it("offers prompts whose words a model knows", () => {
  expect(examplesFor("a small red bird with black wings".split(" "))).toEqual([
    "a small red bird with black wings",
  ]);
  expect(examplesFor(["笑", "脸"])).toEqual(["笑脸"]);
});

it("makes one of the model's own words if none fits", () => {
  expect(examplesFor(["<end>", "of", "castle", "river", "stone", "bridge"])).toEqual(["castle river stone"]);
  expect(examplesFor([])).toEqual([]);
});
