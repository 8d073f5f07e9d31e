import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { examplesOf } from "../../testing/examples.js";
import { writeFiles } from "../../testing/files.js";
import { folder } from "./index.js";
import { splitByHash } from "./split.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-beside-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (files: Record<string, string | Buffer>) => writeFiles(dir, files);

/** Id → captions or why it is broken, and what was reported. */
async function read() {
  const source = folder(dir);
  const examples = await examplesOf(source);
  const captions = examples.map(({ id, captions, broken }) => [
    id,
    broken ?? captions.map(({ text }) => text),
  ]);
  return {
    captions: Object.fromEntries(captions),
    unused: source.remarks!.unusedGroups.map(({ unused, count, reason, first }) => [
      unused,
      count,
      reason,
      first,
    ]),
    notes: source.remarks!.notes.map(({ first, count, text }) => [first, count, text]),
  };
}

it("reports files that are not used with their path, in subfolders too, but none that systems add", async () => {
  write({
    ...{ "a.jpg": "", "a.caption": "red", "sub/b.heic": "", "sub/b.txt": "blue", "sub/c.heic": "" },
    ...{ "d.json": "{}", "e.jpeg": "", "._a.jpg": "", ".DS_Store": "", "Thumbs.db": "", "desktop.ini": "" },
    "__MACOSX/._a.jpg": "",
    ...{ ".b.jpg": "", ".cache/c.jpg": "", "f.png": "", "f.png.txt": "green" },
    "__MACOSX/a.jpg": "",
  });
  mkdirSync(join(dir, "other"));
  symlinkSync("other", join(dir, "link"));
  expect(await read()).toEqual({
    captions: {
      "a.jpg": ["red"],
      "e.jpeg": "has no captions: there is no e.txt next to it",
      "f.png": ["green"],
    },
    unused: [
      [".heic", 2, "HEIC is not read: convert it to JPEG", "sub/b.heic"],
      [".jpg", 1, "is hidden, since its name begins with a dot: rename it", ".b.jpg"],
      [".json", 1, "is neither an image nor a caption file", "d.json"],
      [".txt", 1, "its image is in a format that is not read", "sub/b.txt"],
      ["link", 1, "links to folders are not followed: copy the folder", "link"],
    ],
    notes: [],
  });
});

it("reads captions in other encodings, and notes how they were read", async () => {
  write({
    ...{ "a.jpg": "", "a.txt": Buffer.from("\ufeffun caf\xe9\r\nd\u2019or", "utf16le") },
    ...{ "b.jpg": "", "b.txt": Buffer.from("un caf\xe9 d\x92or \x80", "latin1") },
    ...{ "c.jpg": "", "c.txt": "un caf\u00e9" },
    ...{ "d.jpg": "", "d.txt": Buffer.from([0x89, 0, 1, 2, 0, 0xff]) },
  });
  expect(await read()).toEqual({
    captions: {
      "a.jpg": ["un café", "d’or"],
      "b.jpg": ["un café d’or €"],
      "c.jpg": ["un café"],
      "d.jpg": `its captions: ${join(dir, "d.txt")}: is not a text file`,
    },
    unused: [],
    notes: [
      ["b.txt", 1, "is not UTF-8 and was read as Windows-1252; save it as UTF-8 if that is wrong"],
      ["a.txt", 1, "was read as UTF-16"],
    ],
  });
});

it("says what stands in place of a caption file", async () => {
  write({
    "a.jpg": "",
    "a.txt": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    "b.jpg": "",
    "b.txt": "<!DOCTYPE html><html>404</html>",
    "c.jpg": "",
    "c.txt": "a version of https, in <html>",
  });
  expect((await read()).captions).toEqual({
    "a.jpg": expect.stringMatching(/^its captions: .*a\.txt: is a Git LFS pointer.*git lfs pull/),
    "b.jpg": expect.stringMatching(/^its captions: .*b\.txt: is a web page.*download it again/),
    "c.jpg": ["a version of https, in <html>"],
  });
});

it("finds captions in other case or normal form, and notes it", async () => {
  write({ "IMG_0.JPG": "", "img_0.TXT": "red", "sub/caf\u00e9.png": "", "sub/cafe\u0301.caption": "blue" });
  expect(await read()).toEqual({
    captions: { "IMG_0.JPG": ["red"], "sub/café.png": ["blue"] },
    unused: [],
    notes: [
      ["sub/cafe\u0301.caption", 1, "matched by name only after Unicode normalization (NFC)"],
      ["img_0.TXT", 1, "matched by name only with upper and lower case taken as equal"],
    ],
  });
});

it("refuses captions of nothing but unread formats, with what to do", () => {
  write({ "a.heic": "", "a.txt": "red", "b.heic": "", "b.txt": "blue" });
  expect(() => folder(dir)).toThrow(
    /: 2 images have captions, but in formats that are not read\. The first is a\.heic: HEIC is not read: convert it to JPEG\.$/,
  );
});

it("does not choose an image without captions for testing by its hash", () => {
  const unlucky = Array.from({ length: 200 }, (_, i) => `${i}.png`).find((id) => splitByHash(id) === "test")!;
  write({
    "a.jpg": "",
    "a.txt": "red",
    [unlucky]: "",
    "test/b.jpg": "",
    "test/c.jpg": "",
    "test/c.txt": "blue",
  });
  const listing = folder(dir).listing!.map(({ id, split, unusable }) => [id, split, unusable ?? false]);
  expect(Object.fromEntries(listing.map(([id, ...rest]) => [id, rest]))).toEqual({
    "a.jpg": [splitByHash("a.jpg"), false],
    [unlucky]: ["train", true],
    "test/b.jpg": ["test", true],
    "test/c.jpg": ["test", false],
  });
});

it("reads folders named training and testing as splits", () => {
  write({ "training/a.jpg": "", "training/a.txt": "red", "Testing/b.jpg": "", "Testing/b.txt": "blue" });
  const splits = folder(dir).listing!.map(({ id, split }) => [id, split]);
  expect(Object.fromEntries(splits)).toEqual({ "training/a.jpg": "train", "Testing/b.jpg": "test" });
});
