import { expect, test } from "vitest";
import { isImage, unreadFormat } from "./image-names.js";
import { matchCaptions } from "./match-captions.js";

/** [image → caption file], and the unused files with their reasons. */
function matched(...names: string[]) {
  const { images, unused, unread } = matchCaptions([...names].sort());
  return {
    images: Object.fromEntries([...images].map(([image, found]) => [image, found?.name])),
    unused: Object.fromEntries(unused),
    unread,
  };
}

test("captions are found by the name, in any case of the extension, in .txt before .caption", () => {
  expect(
    matched(
      "a.jpg",
      "a.txt",
      "b.JFIF",
      "b.TXT",
      "c.x.png",
      "c.x.caption",
      "c.png",
      "d.gif",
      "d.webp",
      "d.Caption",
    ),
  ).toEqual({
    images: {
      "a.jpg": "a.txt",
      "b.JFIF": "b.TXT",
      "c.png": undefined,
      "c.x.png": "c.x.caption",
      "d.gif": "d.Caption",
      "d.webp": "d.Caption",
    },
    unused: {},
    unread: [],
  });
  expect(matched("a.jpg", "a.txt", "a.caption", "a.TXT")).toMatchObject({
    images: { "a.jpg": "a.txt" },
    unused: {
      "a.caption": "the captions of its image are read from another file",
      "a.TXT": "the captions of its image are read from another file",
    },
  });
});

test("every other file is unused for a reason", () => {
  expect(
    matched(
      "a.jpg",
      "a.txt",
      "b.heic",
      "b.txt",
      "c.txt",
      "d.BMP",
      "e.npz",
      "README",
      "txt",
      "f.mp4",
      "g.tar.gz",
    ),
  ).toEqual({
    images: { "a.jpg": "a.txt" },
    unused: {
      "b.heic": "HEIC is not read: convert it to JPEG",
      "b.txt": "its image is in a format that is not read",
      "c.txt": "has no image of its name",
      "d.BMP": "BMP is not read: convert it to PNG",
      "e.npz": "is neither an image nor a caption file",
      txt: "is neither an image nor a caption file",
      README: "is neither an image nor a caption file",
      "f.mp4": "videos are not read: extract frames as JPEG",
      "g.tar.gz": "a compressed file is not read: unpack it",
    },
    unread: ["b.heic"],
  });
});

test("an image that can be read has its captions although one of another format has the name too", () => {
  expect(matched("a.heic", "a.jpg", "a.txt")).toEqual({
    images: { "a.jpg": "a.txt" },
    unused: { "a.heic": "HEIC is not read: convert it to JPEG" },
    unread: ["a.heic"],
  });
});

test("names in other case or normal form are matched if only one fits", () => {
  const { images } = matchCaptions(["IMG_1.JPG", "img_1.txt", "caf\u00e9.jpg", "cafe\u0301.txt"]);
  expect([...images.values()]).toEqual([
    { name: "img_1.txt", note: expect.stringContaining("case") },
    { name: "cafe\u0301.txt", note: expect.stringContaining("Unicode") },
  ]);
  expect(matched("A.jpg", "a.jpg", "a.txt").images).toEqual({ "A.jpg": undefined, "a.jpg": "a.txt" });
  expect(matched("Ab.jpg", "aB.jpg", "ab.txt")).toMatchObject({
    images: { "Ab.jpg": undefined, "aB.jpg": undefined },
    unused: { "ab.txt": "has no image of its name" },
  });
});

test("names with any characters are only compared, never interpreted", () => {
  const names = [
    "-a",
    "100%25",
    "a&b",
    "x#1",
    "two  spaces",
    "new\nline",
    "tab\t",
    "$(x)",
    "a.b.c",
    ".",
    "*?[",
    "\u202eevil",
  ];
  const files = names.flatMap((name) => [`${name}.jpg`, `${name}.txt`]);
  const { images, unused } = matchCaptions(files);
  expect([...images].map(([image, found]) => [image, found?.name])).toEqual(
    names.map((name) => [`${name}.jpg`, `${name}.txt`]),
  );
  expect(unused).toEqual([]);
});

test("JPEG's and PNG's other extensions are images; formats that are not read have a remedy", () => {
  for (const name of ["a.jpe", "a.JFIF", "a.pjpeg", "a.pjp", "a.apng", "x.y.TIF"])
    expect(isImage(name)).toBe(true);
  for (const name of ["a.jpg.txt", "jpg", "a.heic", "a.png~", "a.jpg/b"]) expect(isImage(name)).toBe(false);
  for (const extension of [
    "heif",
    "HIF",
    "jp2",
    "ico",
    "tga",
    "psd",
    "ppm",
    "pgm",
    "jxl",
    "raw",
    "cr2",
    "nef",
    "dng",
    "pdf",
  ])
    expect(unreadFormat(`a.b.${extension}`)).toMatch(/ is not read: convert it to (JPEG|PNG)$/);
  for (const name of ["a.txt", "heic", "a.heic/b", "a.constructor"])
    expect(unreadFormat(name)).toBeUndefined();
});

test("twenty thousand images are matched in linear time", () => {
  const names = Array.from({ length: 20_000 }, (_, i) => [`${i}.JPG`, `${i}.caption`]).flat();
  const start = performance.now();
  expect([...matchCaptions(names).images.values()].every((found) => found !== undefined)).toBe(true);
  const lonely = matchCaptions(names.map((name) => (name.endsWith("n") ? `x${name}` : name)));
  expect(lonely.unused).toHaveLength(20_000);
  expect(performance.now() - start).toBeLessThan(10_000);
});
