import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { drawCoco, type Scene } from "../testing/coco-tree.js";
import { examplesOf } from "../testing/examples.js";
import { coco } from "./coco.js";

/** Made once; every test gets a copy, which it may damage. */
let scenes: Scene[];
let original: string;
let dir: string;
beforeAll(async () => {
  original = mkdtempSync(join(tmpdir(), "sdgan-coco-"));
  scenes = await drawCoco({ out: join(original, "tree"), year: 2014, images: 120, drawn: 5 });
});
afterAll(() => rmSync(original, { recursive: true }));
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), "sdgan-coco-")), "tree");
  cpSync(join(original, "tree"), dir, { recursive: true });
});
afterEach(() => rmSync(join(dir, ".."), { recursive: true }));

const list = () => join(dir, "annotations/captions_train2014.json");

async function contents(...options: Parameters<typeof coco>) {
  const source = coco(...options);
  const examples = await examplesOf(source);
  const images = await Promise.all(examples.map(({ read }) => read()));
  return {
    classes: source.classes,
    examples: examples.map(({ read: _, stamp: __, ...rest }) => rest),
    images,
  };
}

describe("coco", () => {
  it("returns the images of both lists with all captions, in the order of their names", async () => {
    const source = coco(dir);
    expect(source).toMatchObject({ name: "coco", count: 120 });
    const examples = await examplesOf(source);
    const expected = scenes.map(({ fileName, part, captions }) => ({
      id: fileName,
      split: part === "train" ? "train" : "test",
      captions: captions.map((text) => ({ text })),
    }));
    expected.sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(examples.map(({ read: _, stamp: __, ...rest }) => rest)).toEqual(
      expected.map((example, classId) => ({ ...example, classId })),
    );
    expect(source.classes).toEqual(expected.map(({ id }) => id));
    expect(new Set(examples.map(({ captions }) => captions.length))).toEqual(new Set([5, 6]));
    expect(await examples[0]!.read()).toEqual(readFileSync(join(dir, "train2014", examples[0]!.id)));
    expect(source.found).toBe(
      `COCO as published; captions from ${list()} and ${join(dir, "annotations/captions_val2014.json")}`,
    );
  });

  it("returns the same from AttnGAN's layout, with the vocabulary of captions.pickle", async () => {
    expect(await contents(join(dir, "coco"))).toEqual(await contents(dir));
    const source = coco(join(dir, "coco"));
    expect(source.found).toMatch(
      /^COCO in AttnGAN's layout; captions from .*text; split of filenames\.pickle$/,
    );
    expect(source.vocabulary!.words[0]).toBe("<end>");
    rmSync(join(dir, "coco/text"), { recursive: true });
    expect((await examplesOf(coco(join(dir, "coco")))).map(({ captions }) => captions.length)).toEqual(
      Array(120).fill(5),
    );
    rmSync(join(dir, "coco/captions.pickle"));
    expect(() => coco(join(dir, "coco"))).toThrow(/coco: the captions are missing/);
  });

  it("finds the images in all supported folders", async () => {
    const before = await contents(dir);
    renameSync(join(dir, "coco/images"), join(dir, "images"));
    rmSync(join(dir, "train2014"), { recursive: true });
    rmSync(join(dir, "val2014"), { recursive: true });
    expect(await contents(dir)).toEqual(before);
    rmSync(join(dir, "images"), { recursive: true });
    expect(() => coco(dir)).toThrow(/has none of the folders train2014, images\/train2014, images\. Unpack/);
  });

  it("asks for the year if both are present", async () => {
    await drawCoco({ out: join(dir, "other"), year: 2017, images: 3, drawn: 1 });
    cpSync(join(dir, "other"), dir, { recursive: true });
    expect(() => coco(dir)).toThrow(/has captions of 2014 and 2017\. Choose a year with --year/);
    expect(coco(dir, { year: 2014 }).count).toBe(120);
    expect((await examplesOf(coco(dir, { year: 2017 }))).map(({ id, split }) => [id, split])).toEqual([
      ["000000000009.jpg", "train"],
      ["000000000016.jpg", "train"],
      ["000000000023.jpg", "test"],
    ]);
    rmSync(join(dir, "annotations/captions_train2014.json"));
    rmSync(join(dir, "annotations/captions_val2014.json"));
    expect(coco(dir).count).toBe(3);
    expect(() => coco(dir, { year: 2014 })).toThrow(
      /is not COCO: annotations\/captions_train2014\.json is missing/,
    );
  });

  it("skips an image without captions", async () => {
    const content = JSON.parse(readFileSync(list(), "utf8"));
    const { id, file_name: name } = content.images[7];
    content.annotations = content.annotations.filter(({ image_id }: { image_id: number }) => image_id !== id);
    writeFileSync(list(), JSON.stringify(content));
    const broken = (await examplesOf(coco(dir))).filter((example) => example.broken);
    expect(broken).toMatchObject([{ id: name, captions: [], broken: `has no captions in ${list()}` }]);
  });

  const image = { id: 1, file_name: "a.jpg" };
  it.each<[string, unknown, RegExp]>([
    ["truncated JSON", '{"images": [', /is not JSON, or is truncated; expected COCO's list of captions/],
    ["null", "null", /has no list "images"/],
    ["no images", { annotations: [] }, /has no list "images"/],
    ["no annotations", { images: [image] }, /has no list "annotations"/],
    ["empty lists", { images: [], annotations: [] }, /lists no image/],
    [
      "an image without id",
      { images: [{ ...image, id: "1" }], annotations: [] },
      /images\[0\] has no number "id"/,
    ],
    [
      "a path to outside",
      { images: [{ ...image, file_name: "../a.jpg" }], annotations: [] },
      /images\[0\] .* inside/,
    ],
    [
      "a repeated id",
      { images: [image, { ...image, file_name: "b.jpg" }], annotations: [] },
      /images\[1\] repeats the id 1/,
    ],
    [
      "a repeated file",
      { images: [image, { ...image, id: 2 }], annotations: [] },
      /images\[1\] repeats the file "a\.jpg"/,
    ],
    [
      "no caption",
      { images: [image], annotations: [{ image_id: 1 }] },
      /annotations\[0\] has no text "caption"/,
    ],
    [
      "an annotation of an unknown image",
      { images: [image], annotations: [{ image_id: 2, caption: "" }] },
      /annotations\[0\] refers to an im/,
    ],
    ["null entries", { images: [null], annotations: [null] }, /images\[0\] has no number "id"/],
  ])("rejects a list with %s", (_, content, message) => {
    writeFileSync(list(), typeof content === "string" ? content : JSON.stringify(content));
    expect(() => coco(dir)).toThrow(UserError);
    expect(() => coco(dir)).toThrow(message);
  });

  it("rejects a folder that is not COCO", () => {
    expect(() => coco(join(dir, "none"))).toThrow(/none: no such folder\. Give the folder of COCO/);
    expect(() => coco(join(dir, "drawn"))).toThrow(
      /drawn: is not COCO: annotations\/captions_train2014\.json/,
    );
  });
});
