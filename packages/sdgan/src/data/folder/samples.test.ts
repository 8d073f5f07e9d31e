import { describe, expect, it } from "vitest";
import { samplesOf } from "./samples.js";

/** "image < captions" for every sample, and the unused members with their reasons. */
function grouped(...names: string[]) {
  const unused: Record<string, string> = {};
  const members = names.map((name, offset) => ({ name, offset, size: 1 }));
  const samples = samplesOf(members, (name, reason) => {
    expect(unused).not.toHaveProperty([name]);
    unused[name] = reason;
  });
  const seen = new Set([
    ...samples.flatMap(({ image, captions }) => [image.name, captions?.name]),
    ...Object.keys(unused),
  ]);
  expect(names.filter((name) => !seen.has(name))).toEqual([]);
  return {
    samples: samples.map(({ image, captions }) => `${image.name} < ${captions?.name}`),
    unused,
    all: samples,
  };
}

const ELSEWHERE = "the captions of its image are read from another file";

describe("samplesOf", () => {
  it("groups plain names, in any case of the extension, with .txt before .caption and .json", () => {
    const { samples, unused, all } = grouped(
      ...[
        "a/7.JPG",
        "a/7.TXT",
        "b/7.jfif",
        "b/7.Json",
        "8.png",
        "8.caption",
        "8.json",
        "9.webp",
        "9.json",
        "9.txt",
      ],
    );
    expect(samples).toEqual([
      "a/7.JPG < a/7.TXT",
      "b/7.jfif < b/7.Json",
      "8.png < 8.caption",
      "9.webp < 9.txt",
    ]);
    expect(all.map(({ key, group }) => [key, group])).toEqual(
      ["a/7", "b/7", "8", "9"].map((key) => [key, key]),
    );
    expect(unused).toEqual({ "8.json": ELSEWHERE, "9.json": ELSEWHERE });
  });

  it("keeps samples whole whose names have more dots", () => {
    const { samples, unused } = grouped(
      ...["22.png", "22.txt", "22.00.png", "22.00.txt", "22.01.txt", "22.01.png"],
      ...["photo.2021.jpg", "photo.2021.txt", "v1.0.5.b.jpg", "v1.0.5.b.json", "x.2021.jpg", "x.2022.txt"],
    );
    expect(samples).toEqual([
      ...["22.png < 22.txt", "22.00.png < 22.00.txt", "22.01.png < 22.01.txt"],
      ...["photo.2021.jpg < photo.2021.txt", "v1.0.5.b.jpg < v1.0.5.b.json", "x.2021.jpg < undefined"],
    ]);
    expect(unused).toEqual({ "x.2022.txt": "has no image of its name" });
  });

  it("gives the captions of a sample to each of its images, which share a group", () => {
    const { samples, all } = grouped("7.left.jpg", "7.right.jpg", "7.txt", "8.1.jpg", "8.2.jpg", "8.json");
    expect(samples).toEqual([
      ...["7.left.jpg < 7.txt", "7.right.jpg < 7.txt", "8.1.jpg < 8.json", "8.2.jpg < 8.json"],
    ]);
    expect(all.map(({ key }) => key)).toEqual(["7.left", "7.right", "8.1", "8.2"]);
    expect(all.map(({ group }) => group)).toEqual(["7", "7", "8", "8"]);
    const same = grouped("7.jpg", "7.png", "7.txt").all;
    expect(same.map(({ key, group }) => [key, group])).toEqual([
      ["7.jpg", "7"],
      ["7.png", "7"],
    ]);
  });

  it("does not take masks for images of a sample", () => {
    const { samples, unused } = grouped(
      "7.jpg",
      "7.seg.png",
      "7.txt",
      "8.png",
      "8.depth.png",
      "9.heic",
      "9.seg.png",
      "9.txt",
    );
    expect(samples).toEqual(["7.jpg < 7.txt", "8.png < undefined"]);
    expect(unused).toEqual({
      "7.seg.png": "another image of its sample is used",
      "8.depth.png": "another image of its sample is used",
      "9.seg.png": "another image of its sample is used",
      "9.heic": "HEIC is not read: convert it to JPEG",
      "9.txt": "its image is in a format that is not read",
    });
  });

  it("takes the only captions of a sample, whatever they are called", () => {
    const { samples, unused } = grouped(
      ...["7.jpg", "7.caption.txt", "8.image.png", "8.prompt.txt", "9.jpg", "9.json", "9.text.txt"],
      ...["10.jpg", "10.a.txt", "10.b.txt", "s.0001.image.jpg", "s.0001.caption.txt", "s.0002.image.jpg"],
      ...["s.0002.caption.txt", "s.0002.caption.json"],
    );
    expect(samples).toEqual([
      ...["7.jpg < 7.caption.txt", "8.image.png < 8.prompt.txt", "9.jpg < 9.text.txt", "10.jpg < undefined"],
      ...["s.0001.image.jpg < s.0001.caption.txt", "s.0002.image.jpg < s.0002.caption.txt"],
    ]);
    expect(unused).toEqual({
      "9.json": ELSEWHERE,
      "s.0002.caption.json": ELSEWHERE,
      "10.a.txt": "is one of several caption files of its image: keep one",
      "10.b.txt": "is one of several caption files of its image: keep one",
    });
  });

  it("reports halves and other members, but none that systems add", () => {
    const unused: string[][] = [];
    const names = [
      "1.jpg",
      "2.txt",
      "3.cls",
      "README",
      "._1.jpg",
      "sub/.DS_Store",
      "__MACOSX/1.jpg",
      "x/__MACOSX/1.txt",
      ".5.jpg",
      ".git",
    ];
    const samples = samplesOf(
      names.map((name) => ({ name, offset: 0, size: 0 })),
      (name, reason) => unused.push([name, reason]),
    );
    expect(samples.map(({ key, captions }) => [key, captions])).toEqual([["1", undefined]]);
    expect(unused).toEqual([
      ["3.cls", "is neither an image nor a caption file"],
      ["README", "is neither an image nor a caption file"],
      [".5.jpg", "is hidden, since its name begins with a dot: rename it"],
      ["2.txt", "has no image of its name"],
    ]);
  });

  it("matches names in other case or normal form", () => {
    const { samples, all } = grouped("IMG_1.JPG", "img_1.txt", "caf\u00e9.jpg", "cafe\u0301.json");
    expect(samples).toEqual(["IMG_1.JPG < img_1.txt", "caf\u00e9.jpg < cafe\u0301.json"]);
    expect(all.map(({ note }) => note)).toEqual([
      expect.stringContaining("case"),
      expect.stringContaining("Unicode"),
    ]);
  });

  it("is fast for names of many dots, and for many images of one group", () => {
    const dots = Array.from({ length: 500 }, (_, i) => `${".a".repeat(400)}${i}`);
    const start = performance.now();
    grouped(...dots.flatMap((name) => [`x${name}.jpg`, `x${name}.txt`]));
    samplesOf(
      Array.from({ length: 20_000 }, (_, i) => ({ name: `x.${i}.jpg`, offset: i, size: 1 })),
      () => {},
    );
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
