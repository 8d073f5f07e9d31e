import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { examplesOf } from "../testing/examples.js";
import { flowers } from "./flowers.js";
import { forEachSplit } from "./format.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-flowers-"));
  for (let i = 1; i <= 12; i++) {
    const [className, name] = [`class_0000${Math.ceil(i / 2)}`, `image_0000${(i * 7) % 13}`];
    write(`flowers/jpg/${name}.jpg`, `image ${name}`);
    write(`flowers/text_c10/${className}/${name}.txt`, `flower ${i}\nit has petals\n`);
    write(`flowers/text_c10/${className}/${name}.h5`, "");
  }
  write("flowers/text_c10/class_00001.h5", "");
});
afterEach(() => rmSync(dir, { recursive: true }));

const path = () => join(dir, "flowers");

function write(file: string, text: string): void {
  mkdirSync(dirname(join(dir, file)), { recursive: true });
  writeFileSync(join(dir, file), text);
}

async function splits(): Promise<Record<string, string[]>> {
  const { classes, ...source } = flowers(path());
  const split = forEachSplit(() => new Set<string>());
  for (const example of await examplesOf({ classes, ...source }))
    split[example.split].add(classes[example.classId]!);
  return { train: [...split.train], test: [...split.test] };
}

describe("flowers", () => {
  it("uses the caption folders as classes, and every fifth class for testing", async () => {
    const source = flowers(path());
    expect(source).toMatchObject({
      name: "flowers",
      count: 12,
      classes: [1, 2, 3, 4, 5, 6].map((i) => `class_0000${i}`),
    });
    expect(source.found).toMatch(
      /^Oxford-102; captions from .*text_c10; split by class, every fifth class for testing$/,
    );
    const examples = await examplesOf(source);
    expect(examples[0]).toMatchObject({
      id: "image_00001.jpg",
      split: "train",
      classId: 0,
      captions: [{ text: "flower 2" }, { text: "it has petals" }],
    });
    expect(String(await examples[0]!.read())).toBe("image image_00001");
    expect(await splits()).toEqual({
      train: ["class_00001", "class_00002", "class_00003", "class_00004", "class_00006"],
      test: ["class_00005"],
    });
  });

  it("uses Reed et al.'s split if it is in the folder or next to the captions", async () => {
    const expected = { train: ["class_00002", "class_00005"], test: ["class_00001"] };
    write("flowers/trainvalclasses.txt", "class_00005\r\nclass_00002\r\n");
    write("flowers/testclasses.txt", "class_00001\nclass_00099");
    expect(await splits()).toEqual(expected);
    mkdirSync(join(dir, "text"));
    renameSync(join(path(), "text_c10"), join(dir, "text_c10"));
    for (const list of ["trainvalclasses.txt", "testclasses.txt"])
      renameSync(join(path(), list), join(dir, list));
    expect(await splits()).toEqual(expected);
    expect(flowers(path()).count).toBe(6);
    expect(flowers(path()).found).toContain(`split by class as in ${join(dir, "testclasses.txt")}`);
  });

  it("rejects invalid folders, and reports what is expected", () => {
    write("flowers/trainvalclasses.txt", "class_00005");
    write("flowers/testclasses.txt", "class_00005");
    expect(() => flowers(path())).toThrow(/testclasses\.txt: "class_00005" is in trainvalclasses\.txt too/);
    write("flowers/trainvalclasses.txt", "5 6");
    write("flowers/testclasses.txt", "7");
    expect(() => flowers(path())).toThrow(
      /testclasses\.txt: none of its classes .*expected names such as "class_00001"/,
    );
    write("flowers/text_c10/class_00002/image_00001.txt", "x");
    expect(() => flowers(path())).toThrow(/"image_00001" is in "class_00001" and in "class_00002"/);
    rmSync(join(path(), "text_c10"), { recursive: true });
    expect(() => flowers(path())).toThrow(/flowers: the captions are missing/);
    mkdirSync(join(path(), "text_c10"));
    expect(() => flowers(path())).toThrow(/text_c10: has no captions; expected one folder per class/);
    rmSync(join(path(), "jpg"), { recursive: true });
    expect(() => flowers(path())).toThrow(/jpg: no such folder\. Give the folder that 102flowers\.tgz/);
  });
});
