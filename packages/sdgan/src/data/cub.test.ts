import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { readPickle } from "@sdgan/torch/pickle";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeCubLists } from "../testing/cub-lists.js";
import { type DrawnBird, drawCub } from "../testing/cub-tree.js";
import { examplesOf } from "../testing/examples.js";
import { type Pickled, pickle, pickleAsText } from "../testing/pickle.js";
import { cub, TEST_CLASSES } from "./cub.js";
import { tokenizerOf } from "./dataset.js";
import { withTokenizer, withVocabulary } from "./with-vocabulary.js";

const NAMES = ["001.Albatross", "002.Wren", "003.Finch", "004.Cuckoo", "005.Auklet"];

/** Made once; every test gets a copy, which it may damage. */
let drawn: DrawnBird[];
let original: string;
let dir: string;
beforeAll(async () => {
  original = mkdtempSync(join(tmpdir(), "sdgan-cub-"));
  const lists = join(original, "lists");
  const ids = NAMES.flatMap((name) => [0, 1].map((i) => `${name}/bird ${i}.jpg`));
  const boxOf = (i: number) => ({ x: 5 * i, y: 60 - 5 * i, width: 60 + 3 * i, height: 100 });
  writeCubLists(
    lists,
    NAMES,
    ids.map((id, i) => ({ id, box: boxOf(i) })),
  );
  drawn = await drawCub({ lists, out: join(original, "tree") });
});
afterAll(() => rmSync(original, { recursive: true }));
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), "sdgan-cub-")), "tree");
  cpSync(join(original, "tree"), dir, { recursive: true });
});
afterEach(() => rmSync(join(dir, ".."), { recursive: true }));

const published = () => join(dir, "CUB_200_2011");
const attngan = () => join(dir, "birds");

/** Everything of a source that can be compared, including the images' bytes. */
async function contents(...options: Parameters<typeof cub>) {
  const source = cub(...options);
  const examples = await examplesOf(source);
  const images = await Promise.all(examples.map(({ read }) => read()));
  return {
    classes: source.classes,
    examples: examples.map(({ read: _, stamp: __, ...rest }) => rest),
    images,
  };
}

describe("cub, as published", () => {
  it("returns the images of images.txt with boxes, classes, captions and the split by class", async () => {
    const source = cub(published());
    expect(source).toMatchObject({ name: "cub", count: 10, classes: NAMES });
    expect(source.vocabulary).toBeUndefined();
    expect(source.found).toBe(
      `CUB-200-2011 as published; captions from ${join(dir, "text_c10")}; split by class as in Reed et al. (2016)`,
    );
    const examples = await examplesOf(source);
    expect(examples.map(({ read: _, stamp: __, ...rest }) => rest)).toEqual(
      drawn.map(({ id, classId, box, captions }) => ({
        ...{ id, classId, box },
        split: [0, 3].includes(classId) ? "test" : "train",
        captions: captions.map((text) => ({ text })),
      })),
    );
    expect(examples[3]!.box).toEqual({ x: 15, y: 45, width: 69, height: 100 });
    expect(await examples[3]!.read()).toEqual(readFileSync(join(published(), "images/002.Wren/bird 1.jpg")));
  });

  it("has 50 test classes", () => {
    expect(TEST_CLASSES.size).toBe(50);
    expect(Math.max(...TEST_CLASSES)).toBeLessThanOrEqual(200);
  });

  it("finds captions in the folder, next to it, and in the given folder", async () => {
    const expected = await contents(published());
    expect(await contents(dir)).toEqual(expected);
    renameSync(join(dir, "text_c10"), join(published(), "text"));
    expect(await contents(published())).toEqual(expected);
    expect(await contents(dir)).toEqual(expected);
    mkdirSync(join(dir, "else"));
    renameSync(join(published(), "text"), join(dir, "else/text_c10"));
    expect(await contents(published(), { text: join(dir, "else") })).toEqual(expected);
    expect(await contents(published(), { text: join(dir, "else/text_c10") })).toEqual(expected);
    expect(() => cub(published())).toThrow(/the captions are missing.*give their folder with --text/);
    writeFileSync(join(dir, "text.zip"), "");
    expect(() => cub(published())).toThrow(/text\.zip: is not unpacked/);
  });

  it("reports an image whose captions cannot be read as broken, with the reason", async () => {
    const text = (i: number) => join(dir, "text_c10", `${drawn[i]!.name}.txt`);
    rmSync(text(0));
    writeFileSync(text(1), " \r\n\n");
    writeFileSync(text(2), "a\0b");
    writeFileSync(text(3), "x ".repeat(2 ** 20));
    rmSync(text(4));
    symlinkSync("/etc/hostname", text(4));
    rmSync(text(5));
    mkdirSync(text(5));
    writeFileSync(text(6), "\ufeffa bird\r\n\r\n  with wings \rand \xc3 caf\xe9", "latin1");
    const source = cub(published());
    const examples = await examplesOf(source);
    expect(source.remarks?.notes).toMatchObject([
      { text: expect.stringMatching(/Windows-1252; save it as UTF-8/), count: 1 },
    ]);
    expect(examples.map(({ broken }) => broken)).toEqual([
      expect.stringMatching(
        /^its captions: \S+bird 0\.txt: does not exist \(ENOENT\)$/.source.replace("\\S+", ".*"),
      ),
      expect.stringMatching(/bird 1\.txt: is empty$/),
      expect.stringMatching(/bird 0\.txt: is not a text file$/),
      expect.stringMatching(/bird 1\.txt: has 2 MiB; at most 1 MiB are read$/),
      expect.stringMatching(
        /bird 0\.txt: is a link to outside the folder, and such links are not followed: /,
      ),
      expect.stringMatching(/bird 1\.txt: is not a file$/),
      ...[undefined, undefined, undefined, undefined],
    ]);
    expect(examples[6]!.captions.slice(1)).toEqual([{ text: "with wings" }, { text: "and Ã café" }]);
  });

  it("changes the stamp when an image is replaced or deleted", async () => {
    const [first, second] = await examplesOf(cub(published()));
    const before = await Promise.all([first!.stamp!(), second!.stamp!()]);
    writeFileSync(join(published(), "images", drawn[0]!.id), "another");
    rmSync(join(published(), "images", drawn[1]!.id));
    const after = await Promise.all([first!.stamp!(), second!.stamp!()]);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  it("rejects reading a missing image, or a link to outside", async () => {
    const image = (i: number) => join(published(), "images", drawn[i]!.id);
    rmSync(image(0));
    rmSync(image(1));
    symlinkSync(image(2), image(1));
    rmSync(image(3));
    symlinkSync(join(dir, "text_c10", `${drawn[3]!.name}.txt`), image(3));
    const examples = await examplesOf(cub(published()));
    await expect(examples[0]!.read()).rejects.toThrow(/bird 0\.jpg: does not exist \(ENOENT\)/);
    expect(await examples[1]!.read()).toEqual(readFileSync(image(2)));
    await expect(examples[3]!.read()).rejects.toThrow(/bird 1\.jpg: is a link to outside the folder/);
  });

  it.each([
    [
      "images.txt",
      "1 a.jpg\n2 ../b.jpg\n",
      /images\.txt:2: "2 \.\.\/b\.jpg"; expected a number and a path inside/,
    ],
    ["images.txt", "1 a.jpg\n2 /b.jpg\n", /images\.txt:2: .*expected a number and a path inside/],
    ["images.txt", "1 a.jpg\n1 b.jpg\n", /images\.txt:2: number 1 is already in the list/],
    ["images.txt", "1 a.jpg\n2 ./a.jpg\n", /images\.txt: lists "a\.jpg" twice/],
    [
      "images.txt",
      "1 a.jpg\n77 b.jpg\n",
      /image_class_labels\.txt: has no entry for image 77, which images\.txt lists/,
    ],
    ["images.txt", "a.jpg\n", /images\.txt:1: "a\.jpg"; expected a number and a path/],
    ["images.txt", "\n", /images\.txt: is empty/],
    [
      "image_class_labels.txt",
      "1 1\n2 9\n",
      /labels\.txt:2: "2 9"; expected a number and the number of a class/,
    ],
    [
      "bounding_boxes.txt",
      "1 0 0 9 9\n2 0 0 9\n",
      /boxes\.txt:2: .*expected a number and x, y, width and height/,
    ],
    ["bounding_boxes.txt", "1 0 0 9 NaN\n", /boxes\.txt:1/],
    ["bounding_boxes.txt", "1 0 0 0 9\n", /boxes\.txt:1/],
    ["classes.txt", "", /classes\.txt: is empty/],
  ])("rejects a broken %s: %j", (list, text, message) => {
    writeFileSync(join(published(), list), text);
    expect(() => cub(published())).toThrow(UserError);
    expect(() => cub(published())).toThrow(message);
  });

  it("rejects another folder, and reports what is expected", () => {
    expect(() => cub(join(dir, "none"))).toThrow(/none: no such folder\. Give the folder of CUB-200-2011/);
    expect(() => cub(join(dir, "text_c10"))).toThrow(
      /text_c10: is not CUB-200-2011: found neither images\.txt nor/,
    );
    rmSync(join(published(), "bounding_boxes.txt"));
    expect(() => cub(published())).toThrow(/bounding_boxes\.txt: does not exist \(ENOENT\)/);
    renameSync(join(published(), "images"), join(published(), "photographs"));
    expect(() => cub(published())).toThrow(/images: no such folder\. CUB-200-2011 has its images there/);
    rmSync(published(), { recursive: true });
    writeFileSync(join(dir, "CUB_200_2011.tgz"), "");
    expect(() => cub(dir)).toThrow(/CUB_200_2011\.tgz: is not unpacked/);
  });
});

describe("cub, in AttnGAN's layout", () => {
  it("returns the same as the published layout, with the vocabulary of captions.pickle", async () => {
    expect(await contents(attngan())).toEqual(await contents(published()));
    const source = cub(attngan());
    expect(source.found).toBe(
      `CUB-200-2011 in AttnGAN's layout; captions from ${join(attngan(), "text")}; split of filenames.pickle`,
    );
    const given = withVocabulary(cub(published()), join(attngan(), "captions.pickle"));
    expect(source.vocabulary!.words).toEqual(given.vocabulary!.words);
    const own = withVocabulary(source, "captions");
    expect(own.vocabulary).toBeUndefined();
    expect([source, own, cub(published())].map(tokenizerOf)).toEqual(["attngan", "attngan", "attngan"]);
    expect(tokenizerOf(withTokenizer(own, "unicode"))).toBe("unicode");
    expect(withTokenizer(source, "attngan").vocabulary).toBe(source.vocabulary);
    expect(() => withTokenizer(source, "unicode")).toThrow(/--vocabulary captions\.$/);
  });

  it("encodes captions like captions.pickle, with and without the caption files", async () => {
    const content = readPickle(readFileSync(join(attngan(), "captions.pickle"))) as number[][][];
    const tokens = async () => {
      const { vocabulary, ...source } = cub(attngan());
      const examples = await examplesOf(source);
      return (["train", "test"] as const).map((split) =>
        examples
          .filter((example) => example.split === split)
          .flatMap(({ captions }) => captions.map(({ text }) => vocabulary!.encode(text))),
      );
    };
    expect(await tokens()).toEqual(content.slice(0, 2));
    rmSync(join(attngan(), "text"), { recursive: true });
    expect(await tokens()).toEqual(content.slice(0, 2));
    expect(cub(attngan()).found).toContain(`captions from ${join(attngan(), "captions.pickle")}`);
    rmSync(join(attngan(), "captions.pickle"));
    rmSync(join(dir, "text_c10"), { recursive: true });
    expect(() => cub(attngan())).toThrow(/the captions are missing/);
  });

  it("skips images that are not in its lists", async () => {
    writeFileSync(
      join(attngan(), "train/filenames.pickle"),
      pickleAsText(["002.Wren/bird 0", "003.Finch/bird 1"]),
    );
    writeFileSync(join(attngan(), "train/class_info.pickle"), pickleAsText([2, 3]));
    rmSync(join(attngan(), "captions.pickle"));
    const source = cub(attngan());
    expect(source.count).toBe(6);
    const ids = (await examplesOf(source)).filter(({ split }) => split === "train").map(({ id }) => id);
    expect(ids).toEqual(["002.Wren/bird 0.jpg", "003.Finch/bird 1.jpg"]);
  });

  it("reads lists whose line ends git converted to CR LF, but rejects such a captions.pickle", async () => {
    const mangle = (file: string) => {
      const text = readFileSync(join(attngan(), file), "latin1");
      writeFileSync(join(attngan(), file), text.replaceAll("\n", "\r\n"), "latin1");
    };
    for (const split of ["train", "test"]) {
      for (const list of ["filenames", "class_info"]) mangle(`${split}/${list}.pickle`);
    }
    expect(await contents(attngan())).toEqual(await contents(published()));
    mangle("captions.pickle");
    expect(() => cub(attngan())).toThrow(/captions\.pickle: the pickle .*line ends were changed to CR LF/);
  });

  const words: Pickled[] = [new Map([[0, "<end>"], [1, "bird"]]), new Map([["<end>", 0], ["bird", 1]])]; // biome-ignore format: short
  const captions = (count: number, token = 1): Pickled => Array.from({ length: count }, () => [token]);
  it.each<[string, string, Buffer | string, RegExp]>([
    ["an empty file", "train/filenames.pickle", "", /train\/filenames\.pickle: is empty/],
    ["a web page", "test/filenames.pickle", "\n<!DOCTYPE html><html>", /is a web page, not the file/],
    [
      "a Git LFS pointer",
      "captions.pickle",
      "version https://git-lfs.github.com/spec/v1\n",
      /Git LFS pointer, not the file: run `git lfs pull`/,
    ],
    ["a git-annex pointer", "captions.pickle", "/annex/objects/MD5E-s9--a.pickle\n", /git-annex pointer/],
    ["half a pickle", "train/filenames.pickle", "(lp0\nVa\np1\n", /filenames\.pickle: the pickle ends/],
    [
      "a function call",
      "train/filenames.pickle",
      "cposix\nsystem\n(S'true'\ntR.",
      /filenames\.pickle: .*posix/,
    ],
    ["no list", "train/filenames.pickle", pickle("x"), /the pickle does not contain a list/],
    ["no names", "train/filenames.pickle", pickle([1]), /entry 0 is number; expected an image's name/],
    ["a path to outside", "train/filenames.pickle", pickle(["../x"]), /entry 0 is "\.\.\/x"; expected/],
    [
      "an unknown name",
      "test/filenames.pickle",
      pickle(["x"]),
      /test.*: expected 1 class numbers|contains 4 numbers/,
    ],
    [
      "other classes",
      "test/class_info.pickle",
      pickleAsText([1, 1, 4, 5]),
      /has class 5 in class_info.* but 4 in image_/,
    ],
    [
      "no classes",
      "test/class_info.pickle",
      pickle(["a"]),
      /contains entries that are not whole numbers; expected 4/,
    ],
    [
      "a repeated name",
      "test/filenames.pickle",
      pickle(["002.Wren/bird 0"]),
      /is listed twice, or in both splits|expected 1/,
    ],
    ["no words", "captions.pickle", pickle([[], []]), /list with another structure; expected AttnGAN's/],
    [
      "too few captions",
      "captions.pickle",
      pickle([captions(59), captions(40), ...words]),
      /has 59 captions for the 6/,
    ],
    [
      "a missing number",
      "captions.pickle",
      pickle([[], [], new Map([[1, "a"]]), new Map()]),
      /no word with the number 0/,
    ],
    ["no padding", "captions.pickle", pickle([[], [], new Map([[0, "a"]]), new Map()]), /word 0 is "a"/],
    ["two numberings", "captions.pickle", pickle([[], [], words[0]!, new Map([["<end>", 0], ["bird", 2]])]), /word 1, "bird", has another/], // biome-ignore format: short
  ])("rejects %s in %s", (_, list, bytes, message) => {
    writeFileSync(join(attngan(), list), bytes);
    expect(() => cub(attngan())).toThrow(UserError);
    expect(() => cub(attngan())).toThrow(message);
  });

  it("reports an image as broken if its pickled captions contain unknown numbers", async () => {
    rmSync(join(attngan(), "text"), { recursive: true });
    writeFileSync(
      join(attngan(), "captions.pickle"),
      pickle([[...(captions(5) as Pickled[]), [7]], captions(4), ...words]),
    );
    const examples = await examplesOf(cub(attngan()));
    expect(examples.filter(({ broken }) => broken).map(({ id, broken }) => [id, broken])).toEqual([
      [
        "005.Auklet/bird 1.jpg",
        expect.stringMatching(/captions\.pickle: contains a number that is not in the vocabulary/),
      ],
    ]);
  });
});
