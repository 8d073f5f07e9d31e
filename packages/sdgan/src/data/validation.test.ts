import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeCubLists } from "../testing/cub-lists.js";
import { examplesOf } from "../testing/examples.js";
import { birds } from "./birds/index.js";
import { coco } from "./coco.js";
import { cub, TEST_CLASSES } from "./cub.js";
import type { Example, Source, Split } from "./dataset.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { flowers } from "./flowers.js";
import { folder } from "./folder/index.js";
import { prepare } from "./prepare.js";
import { openPrepared } from "./prepared.js";
import { cutValidation } from "./validation.js";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-validation-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(dir, file)), { recursive: true });
  writeFileSync(join(dir, file), text);
}

/** Split → the distinct `nameOf` of its examples. Checks that listing and examples agree. */
async function splitsOf(source: Source, nameOf: (one: Example) => string): Promise<Record<Split, string[]>> {
  const examples = await examplesOf(source);
  expect(source.listing!.map(({ id, split, classId }) => [id, split, classId])).toEqual(
    examples.map(({ id, split, classId }) => [id, split, classId]),
  );
  const of = (wanted: Split) => [
    ...new Set(examples.flatMap((one) => (one.split === wanted ? nameOf(one) : []))),
  ];
  return { train: of("train"), val: of("val"), test: of("test") };
}

/** Training images `0`, `1`, … of the classes `classOf`, and one test image of class `held`. */
function listed(count: number, classOf: (i: number) => number, held = 0): Source {
  const images = Array.from({ length: count + 1 }, (_, i): Example => {
    const test = i === count;
    return {
      ...example(String(i), () => mapped(i, 16)),
      ...{ classId: test ? held : classOf(i), split: test ? "test" : "train" },
    };
  });
  const listing = images.map(({ id, split, classId }) => ({ id, split, classId }));
  return { ...sourceOf(images), classes: Array.from({ length: 100 }, (_, i) => `class ${i}`), listing };
}

describe("the validation split", () => {
  it("is chosen by the hash of the name if training and test classes overlap", async () => {
    const all = listed(200, () => 0);
    const { train, val, test } = await splitsOf(cutValidation(all, 0.05), ({ id }) => id);
    expect([train.length, val.length, test]).toEqual([190, 10, ["200"]]);
    expect(val, "changed on purpose? then so does everybody's data").toEqual(expectedNames);
    // The choice does not depend on the order of the images.
    const turned: Source = {
      ...all,
      listing: all.listing!.toReversed(),
      async *examples() {
        yield* (await examplesOf(all)).reverse();
      },
    };
    expect((await splitsOf(cutValidation(turned, 0.05), ({ id }) => id)).val.sort()).toEqual(val.sort());
  });

  it("consists of whole classes if the test classes are held out", async () => {
    const source = cutValidation(
      listed(200, (i) => 1 + (i % 40), 99),
      0.05,
    );
    const { train, val, test } = await splitsOf(source, ({ classId }) => String(classId));
    expect([train.length, val.length, test]).toEqual([38, 2, ["99"]]);
    expect(val.filter((one) => train.includes(one))).toEqual([]);
  });

  it("has at least one of two or more, and never all", async () => {
    for (const [images, share, expected] of [
      [0, 0.05, 0],
      [1, 0.9, 0],
      [2, 0.001, 1],
      [2, 0.99, 1],
      [3, 0.99, 2],
    ] as const) {
      const { val } = await splitsOf(
        cutValidation(
          listed(images, () => 0),
          share,
        ),
        ({ id }) => id,
      );
      expect([images, share, val.length]).toEqual([images, share, expected]);
    }
    const oneClass = cutValidation(
      listed(9, () => 1, 0),
      0.5,
    );
    expect((await splitsOf(oneClass, ({ id }) => id)).val).toEqual([]);
  });

  it("is the source's own if it has one, and is empty for a share of 0", async () => {
    const all = listed(50, () => 0);
    expect(cutValidation(all, 0)).toBe(all);
    const own = {
      ...all,
      listing: all.listing!.map((one) => (one.id === "7" ? { ...one, split: "val" as const } : one)),
    };
    expect(cutValidation(own, 0.5)).toBe(own);
  });

  it("rejects an invalid share", () => {
    for (const share of [-0.1, 1, Number.NaN])
      expect(() =>
        cutValidation(
          listed(9, () => 0),
          share,
        ),
      ).toThrow(UserError);
  });
});

const expectedNames = ["5", "20", "40", "83", "118", "144", "148", "175", "185", "190"];

describe("the validation split of each source", () => {
  it("birds: species that are in no other split", async () => {
    const source = cutValidation(birds({ imagesPerSpecies: 2 }), 0.05);
    const { train, val, test } = await splitsOf(source, ({ classId }) => source.classes[classId]!);
    expect([train.length, val.length, test.length]).toEqual([142, 8, 50]);
    expect(new Set([...train, ...val, ...test]).size).toBe(200);
  });

  it("cub: whole classes of the 150", async () => {
    const names = Array.from({ length: 200 }, (_, i) => `${String(i + 1).padStart(3, "0")}.Bird`);
    const box = { x: 0, y: 0, width: 9, height: 9 };
    const ids = names.flatMap((name) => [0, 1].map((i) => `${name}/${i}.jpg`));
    writeCubLists(
      join(dir, "cub"),
      names,
      ids.map((id) => ({ id, box })),
    );
    mkdirSync(join(dir, "cub/images"));
    for (const id of ids) write(`cub/text_c10/${id.replace("jpg", "txt")}`, "a bird\n");
    const source = cutValidation(cub(join(dir, "cub")), 0.05);
    const { train, val, test } = await splitsOf(source, ({ classId }) => source.classes[classId]!);
    expect([train.length, val.length, test.length]).toEqual([142, 8, 50]);
    expect(test).toEqual(names.filter((_, i) => TEST_CLASSES.has(i + 1)));
    expect(val.filter((name) => train.includes(name))).toEqual([]);
  });

  it("coco: images of its train split; its val split is the test split, as in the papers", async () => {
    for (const [part, count] of [
      ["train", 40],
      ["val", 5],
    ] as const) {
      const images = Array.from({ length: count }, (_, id) => ({ id, file_name: `${part}_${id}.jpg` }));
      const annotations = images.map(({ id }) => ({ id, image_id: id, caption: "a thing" }));
      write(`coco/annotations/captions_${part}2014.json`, JSON.stringify({ images, annotations }));
      mkdirSync(join(dir, `coco/${part}2014`));
    }
    const source = cutValidation(coco(join(dir, "coco")), 0.05);
    const { train, val, test } = await splitsOf(source, ({ id }) => id);
    expect([train.length, val.length, test.length]).toEqual([38, 2, 5]);
    for (const id of val) expect(id).toMatch(/^train_/);
    for (const id of test) expect(id).toMatch(/^val_/);
  });

  it("flowers: classes", async () => {
    for (let i = 1; i <= 10; i++)
      for (const image of [2 * i, 2 * i + 1])
        write(`flowers/text_c10/class_${i}/image_${image}.txt`, "a flower\n");
    mkdirSync(join(dir, "flowers/jpg"));
    const source = cutValidation(flowers(join(dir, "flowers")), 0.25);
    const { train, val, test } = await splitsOf(source, ({ classId }) => source.classes[classId]!);
    expect([train.length, val.length, test.length]).toEqual([6, 2, 2]);
  });

  it("folder: images, or the folder's own split", async () => {
    const lines = Array.from({ length: 100 }, (_, i) => ({ image: `${i}.png`, caption: "a thing" }));
    const list = (more: object) => lines.map((line) => JSON.stringify({ ...line, ...more })).join("\n");
    write("images/captions.jsonl", list({}));
    const splits = async () => {
      const { train, val, test } = await splitsOf(
        cutValidation(folder(join(dir, "images")), 0.05),
        ({ id }) => id,
      );
      return [train.length, val.length, test.length];
    };
    const [train, val, test] = await splits();
    expect(val).toBe(Math.round(0.05 * (train! + val!)));
    expect(train! + val! + test!).toBe(100);
    write(
      "images/captions.jsonl",
      `${list({ split: "train" })}\n{"image": "x", "caption": "x", "split": "validation"}`,
    );
    expect(await splits()).toEqual([100, 1, 0]);
  });
});

describe("prepare", () => {
  const prepared = async (name: string, options: { val?: number; seed?: number }) => {
    const { val, seed = 0 } = options;
    const source = birds({ species: 20, imagesPerSpecies: 2, size: 16, seed });
    const out = join(dir, name);
    const { images } = await prepare(source, { out, size: 16, ...(val !== undefined && { val }) });
    const data = openPrepared(out);
    data.close();
    return { images, sha256: data.sha256, data };
  };

  it("makes a validation split by default and on request, but not for a share of 0", async () => {
    const { images, data } = await prepared("default", {});
    expect(images).toEqual({ train: 28, val: 2, test: 10 });
    const classesOf = (split: Split) => new Set([...data.splits[split].images].map(({ classId }) => classId));
    expect(classesOf("val").size).toBe(1);
    for (const classId of classesOf("val")) expect(classesOf("train")).not.toContain(classId);
    expect((await prepared("more", { val: 0.2 })).images).toEqual({ train: 24, val: 6, test: 10 });
    expect((await prepared("none", { val: 0 })).images).toEqual({ train: 30, val: 0, test: 10 });
  });

  it("identifies the data by a hash that is independent of the folder's location", async () => {
    const { sha256 } = await prepared("one", {});
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect((await prepared("elsewhere/two", {})).sha256).toBe(sha256);
    expect((await prepared("one", {})).sha256).toBe(sha256);
    for (const other of [{ seed: 1 }, { val: 0.2 }])
      expect((await prepared("other", other)).sha256).not.toBe(sha256);
  });
});
