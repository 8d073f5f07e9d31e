import { damsmImageSize, imageSizes } from "@sdgan/core";
import { InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../config/load.js";
import { areFaces } from "../data/emoji/groups.js";
import { imageSize, imageSizeChoices } from "./options.js";
import { type ImageKind, kindOf, suggestTraining } from "./suggest-training.js";

/** `--config` and `--set` of a list of options, as the command line reads them. */
function configOf(options: string[]) {
  const values = (flag: string) => options.flatMap((one, i) => (one === flag ? options[i + 1]! : []));
  return loadConfig(values("--config")[0]!, values("--set"));
}

const sources = ["birds", "emoji", "cub", "coco", "flowers", "folder"];

describe.each(sources)("for %s", (source) => {
  it.each([...imageSizeChoices])(
    "images of %i pixels: the suggested options give exactly that size",
    (size) => {
      const kinds = ["icons", "faces", "photographs"] as const;
      for (const [inception, kind] of [undefined, "weights.pth"].flatMap((file) =>
        kinds.map((kind) => [file, kind] as const),
      )) {
        const { options, config } = suggestTraining(source, size, { inception, kind });
        expect(configOf(options)).toEqual(config);
        expect(imageSizes(config.generator).at(-1)).toBe(size);
        // DAMSM's input is averaged from the prepared images.
        expect(size % damsmImageSize(config)).toBe(0);
        expect(options.includes("--inception")).toBe(config.damsm.encoder === "inception");
      }
    },
  );
});

it("changes nothing of the presets at their own sizes", () => {
  const options = (source: string, size: number) => suggestTraining(source, size).options.join(" ");
  expect(options("birds", 64)).toBe("--config birds-64");
  expect(options("birds", 128)).toBe("--config birds-128");
  expect(options("folder", 64)).toBe("--config emoji-64");
  expect(options("emoji", 64)).toBe("--config emoji-64");
  expect(options("cub", 256)).toBe("--config cub --set damsm.encoder=convolutional");
  expect(suggestTraining("cub", 256, { inception: "w.pth" }).options).toEqual([
    ...["--config", "cub", "--inception", "w.pth"],
  ]);
});

it("suggests presets for what images show: photographs by their files, faces by the groups of emoji", () => {
  const files = (...ids: string[]) => ids.map((id) => ({ id, split: "train" as const, classId: 0 }));
  const jpegs = files("a.jpg", "b/c.JPEG", "d.png");
  expect(kindOf({ name: "folder", listing: jpegs })).toBe("photographs");
  expect(kindOf({ name: "folder", listing: files("a.jpg", "b.png") })).toBe("icons");
  expect(kindOf({ name: "folder" })).toBe("icons");
  expect(kindOf({ name: "emoji", listing: jpegs })).toBe("icons");
  expect(["cub", "coco", "flowers"].map((name) => kindOf({ name }))).toEqual(
    new Array(3).fill("photographs"),
  );
  const preset = (source: string, size: number, kind: ImageKind) =>
    suggestTraining(source, size, { kind }).preset;
  expect(preset("emoji", 64, "faces")).toBe("faces-64");
  expect(preset("folder", 64, "photographs")).toBe("photos-64");
  expect(preset("folder", 128, "photographs")).toBe("photos-64");
  expect(preset("folder", 256, "photographs")).toBe("cub");
  expect(areFaces(["faces"]) && areFaces(["face-smiling", "Cat-Face"])).toBe(true);
  expect([[], ["faces", "animals-nature"], ["hands"]].some(areFaces)).toBe(false);
});

it("refuses sizes that no model has, and names the nearest that one has", () => {
  const refusal = (text: string) => {
    try {
      return imageSize(text);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidArgumentError);
      return (error as Error).message;
    }
  };
  for (const size of [16, 32, 64, 128, 256, 512]) expect(imageSize(`${size}`)).toBe(size);
  expect(refusal("48")).toMatch(/48 pixels.*The nearest: 32 or 64\.$/);
  expect(refusal("96")).toMatch(/The nearest: 64 or 128\.$/);
  expect(refusal("192")).toMatch(/The nearest: 128 or 256\.$/);
  expect(refusal("1")).toMatch(/The nearest: 16\.$/);
  expect(refusal("4096")).toMatch(/The nearest: 512\.$/);
  expect(refusal("64px")).toMatch(/whole number/);
  // The configuration has none of the refused sizes.
  const possible = new Set<number>();
  for (let firstSize = 8; firstSize <= 192; firstSize++)
    for (let stages = 1; stages <= 5; stages++)
      try {
        const set = [`generator.firstSize=${firstSize}`, `generator.stages=${stages}`];
        possible.add(imageSizes(loadConfig("birds-64", set).generator).at(-1)!);
      } catch {}
  expect([48, 96, 192].filter((size) => possible.has(size))).toEqual([]);
  expect(imageSizeChoices.filter((size) => !possible.has(size))).toEqual([]);
});
