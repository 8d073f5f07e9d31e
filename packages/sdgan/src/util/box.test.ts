import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Box, findBox, locateModel, readBox } from "./box.js";

let folder: string;
let box: Box;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-box-"));
  for (const name of ["fish-64", "cats-128", "node_modules"]) mkdirSync(join(folder, name));
  for (const name of ["fish-64", "cats-128"]) writeFileSync(join(folder, name, "model.json"), "{}");
  writeFileSync(join(folder, "first.json"), '{ "model": "fish-64", "captions": ["a fish"] }');
  box = readBox(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

it("has the folders with a manifest, and the model of the first image", () => {
  expect(box).toEqual({
    folder,
    models: ["cats-128", "fish-64"],
    first: { model: "fish-64", captions: ["a fish"] },
  });
});

it("is the installed package, whose first model is one of its models", () => {
  const { models, first } = findBox()!;
  expect(models).toContain(first.model);
});

it("locates a model by its name, and leaves folders and URLs as they are", () => {
  expect(locateModel("fish-64", box)).toBe(join(folder, "fish-64"));
  for (const place of ["./fish-64", "models/fish-64", "https://example.org/fish-64/", "file:///fish-64"])
    expect(locateModel(place, box)).toBe(place);
});

it("takes a folder of this name here before the model in the box", () => {
  const before = process.cwd();
  process.chdir(folder);
  try {
    expect(locateModel("fish-64", box)).toBe("fish-64");
  } finally {
    process.chdir(before);
  }
});

it("names the models in the box if there is none of this name", () => {
  for (const name of ["fish", "FISH-64", "node_modules.", "toString"])
    expect(() => locateModel(name, box)).toThrow(
      `--model ${name}: there is no model and no folder of this name. Models in the box: cats-128, fish-64`,
    );
  expect(() => locateModel("fish", box)).toThrow(UserError);
});
