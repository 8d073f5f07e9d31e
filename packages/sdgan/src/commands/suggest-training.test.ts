import { damsmImageSize, imageSizes } from "@sdgan/core";
import { InvalidArgumentError } from "commander";
import { describe, expect, it } from "vitest";
import { loadConfig } from "../config/load.js";
import { imageSize, imageSizeChoices } from "./options.js";
import { suggestTraining } from "./suggest-training.js";

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
      for (const inception of [undefined, "weights.pth"]) {
        const { options, config } = suggestTraining(source, size, { inception });
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
