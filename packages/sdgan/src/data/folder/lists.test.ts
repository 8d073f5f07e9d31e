import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { examplesOf } from "../../testing/examples.js";
import { writeFiles } from "../../testing/files.js";
import { folder } from "./index.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-lists-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (files: Record<string, string | Buffer>) => writeFiles(dir, files);

/** Every image as [id, split, captions or why it is broken]; what is not used; notes. */
async function read() {
  const source = folder(dir);
  const images = (await examplesOf(source)).map(({ id, split, captions, broken }) => [
    ...[id, split, broken ?? captions.map(({ text }) => text)],
  ]);
  const unused = source.remarks!.unusedGroups.map(
    ({ unused, count, reason, first }) => `${count} ${unused}: ${reason}: ${first}`,
  );
  return { images, unused, notes: source.remarks!.notes.map(({ first, text }) => `${first}: ${text}`) };
}

const rows = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join("\n");

describe("columns of a list", () => {
  it("uses the split, in any case and with its synonyms, and the folder or the hash where it is empty", async () => {
    const splits = ["train", "Val", "valid", "DEV", " validation ", "Test", "training", null, "", undefined];
    write({
      "metadata.jsonl": rows(
        ...splits.map((split, i) => ({ file_name: `test/${i}.png`, text: "x", ...{ split } })),
      ),
    });
    const { images } = await read();
    expect(images.map(([, split]) => split)).toEqual([
      ...["train", "val", "val", "val", "val", "test", "train"],
      ...["test", "test", "test"],
    ]);
  });

  it("counts a row whose text says that it is missing", async () => {
    const texts = ["red", "NULL", "nan", "None", "n/a", "a null", "none"];
    write({ "metadata.csv": `file_name,text\n${texts.map((text, i) => `${i}.png,${text}`).join("\n")}\n` });
    const { images, unused } = await read();
    expect(images.map(([id]) => id)).toEqual(["0.png", "5.png", "6.png"]);
    expect(unused).toEqual(["4 row: has no text: metadata.csv:3"]);
  });

  it("names an unknown split", () => {
    write({ "metadata.csv": "file_name,text,split\na.png,x,train\nb.png,y,restval\n" });
    expect(() => folder(dir)).toThrow(
      /metadata\.csv:3: "split": "restval" is none of train \(or training\), val \(or valid, validation, dev\) and test \(or testing\)/,
    );
  });

  it("reads one caption under captions, and several under caption", async () => {
    write({
      "captions.jsonl": rows(
        { image: "a.png", captions: "red", split: "train" },
        { image: "b.png", caption: ["blue", "sea"], split: "train" },
        { image: "c.png", caption: "green", captions: ["grass"], split: "train" },
        { image: "d.png", text: "brown", split: "train" },
      ),
    });
    expect((await read()).images).toEqual([
      ["a.png", "train", ["red"]],
      ["b.png", "train", ["blue", "sea"]],
      ["c.png", "train", ["green", "grass"]],
      ["d.png", "train", ["brown"]],
    ]);
  });

  it("reports columns that are not read, but not those without a value", async () => {
    write({
      "metadata.csv": "file_name,text,caption,width,height,empty\na.png,red,other,1,2,\nb.png,,blue,1,2,\n",
      "a.png": "",
      "b.png": "",
    });
    const { images, unused } = await read();
    expect(images.map(([, , captions]) => captions)).toEqual([["red"], ["blue"]]);
    expect(unused).toEqual(["2 column: is none of the columns that are read: metadata.csv: width"]);
    write({ "metadata.csv": "file_name,text,caption,path\na.png,red,other,x\nb.png,blue,other,y\n" });
    expect((await read()).unused).toEqual([
      '1 column: "text" is read: metadata.csv: caption',
      '1 column: "file_name" is read: metadata.csv: path',
    ]);
  });

  it("names the columns if none has a known name", () => {
    write({ "metadata.jsonl": rows({ file_name: "a.png", prompt: "x", seed: 1 }) });
    expect(() => folder(dir)).toThrow(
      /metadata\.jsonl: no column is named text or caption or captions\. Rename the column of the captions to "text": the others are "prompt", "seed"/,
    );
    write({ "metadata.jsonl": rows({ picture: "a.png", text: "x" }) });
    expect(() => folder(dir)).toThrow(
      /metadata\.jsonl:1: "file_name": is missing or empty; the row has "picture", "text"/,
    );
  });

  it("accepts spaces, a byte order mark and any case in the names of columns", async () => {
    write({ "metadata.csv": "\ufeff File_Name , TEXT ,File-Path\na.png, red ,x\n", "a.png": "" });
    expect((await read()).images).toMatchObject([["a.png", expect.anything(), ["red"]]]);
  });
});

describe("rows of a list", () => {
  it("counts rows without a text, without refusing the others", async () => {
    const texts = [{ text: null }, { text: " " }, {}, { text: [] }, { text: [null, ""] }, { text: "red" }];
    write({
      "metadata.jsonl": `${rows(...texts.map((text, i) => ({ file_name: `${i}.png`, ...text })))}
{"file_name": "a \\"NaN\\".png", "text": NaN}
{"file_name": "b \\"NaN\\".png", "text": "NaN, Infinity", "score": -Infinity}
{}`,
      ...Object.fromEntries(texts.map((_, i) => [`${i}.png`, ""])),
    });
    const { images, unused } = await read();
    expect(images.map(([id, , captions]) => [id, captions])).toEqual([
      ["5.png", ["red"]],
      ['b "NaN".png', ["NaN, Infinity"]],
    ]);
    expect(unused).toEqual(["6 row: has no text: metadata.jsonl:1", "1 row: is empty: metadata.jsonl:9"]);
  });

  it("counts rows of CSV that have too few columns or none", async () => {
    write({ "metadata.csv": "file_name,text\na.png\nb.png,blue,,\n,,\n" });
    const { images, unused } = await read();
    expect(images).toMatchObject([["b.png", expect.anything(), ["blue"]]]);
    expect(unused).toEqual(["1 row: is empty: metadata.csv:4", "1 row: has no text: metadata.csv:2"]);
  });

  it("is refused if no row has a text", () => {
    write({ "metadata.jsonl": rows({ file_name: "a.png", text: "" }, { file_name: "b.png" }) });
    expect(() => folder(dir)).toThrow(UserError);
    expect(() => folder(dir)).toThrow(/metadata\.jsonl: no row has a text.*expected file_name and text/);
  });

  it("adds the captions of further rows, and counts repeated rows", async () => {
    write({
      "captions.jsonl": rows(
        { image: "a.png", caption: "red", class: "x" },
        { image: "./a.png", caption: "all red", split: "val" },
        { image: "a.png", captions: ["all red", "red"] },
        { image: "a.png", captions: ["all red", "more"], class: "y" },
      ),
    });
    const { images, unused } = await read();
    expect(images).toEqual([["a.png", "val", ["red", "all red", "all red", "more"]]]);
    expect(unused).toEqual([
      "1 class: is another one than in an earlier row of the image, which is read: captions.jsonl:4",
      "1 row: repeats an earlier row: captions.jsonl:3",
    ]);
  });

  it("reports a class that is no name", async () => {
    write({ "metadata.jsonl": rows({ file_name: "a.png", text: "x", label: [1, 2] }) });
    expect((await read()).unused).toEqual(["1 class: is neither a text nor a number: metadata.jsonl:1"]);
  });

  it.each([
    [";", ';: "a ""red""; bird"', 'a "red"; bird'],
    ["\t", '\t: a "red" bird', 'a "red" bird'],
    ["|", "|: a red bird", "a red bird"],
    [",", ",: red, and, so on", "red, and, so on"],
  ])("reads a table separated by %j", async (separator, row, caption) => {
    write({ "metadata.csv": `file_name${separator}text\na.png${row.replace(":", "")}\n`, "a.png": "" });
    expect((await read()).images).toMatchObject([["a.png", expect.anything(), [caption]]]);
  });

  it("reads a spreadsheet's line of the separator, and UTF-16", async () => {
    const text = "\ufeffsep=;\r\nfile_name;text\r\na.png;café, red\r\n";
    write({ "metadata.csv": Buffer.from(text, "utf16le"), "a.png": "" });
    const { images, notes } = await read();
    expect(images).toMatchObject([["a.png", expect.anything(), ["café, red"]]]);
    expect(notes).toEqual(["metadata.csv: was read as UTF-16"]);
  });

  it("reads Windows-1252 and a table without a header, and says so", async () => {
    write({ "metadata.csv": Buffer.from("a.png,caf\xe9\nb.png,th\xe9\n", "latin1") });
    const { images, notes } = await read();
    expect(images.map(([, , captions]) => captions)).toEqual([["café"], ["thé"]]);
    expect(notes).toEqual([
      "metadata.csv: has no header and was read as image and caption",
      "metadata.csv: is not UTF-8 and was read as Windows-1252; save it as UTF-8 if that is wrong",
    ]);
  });

  it("reads a tab-separated table whose quotation marks are text", async () => {
    write({ "captions.tsv": 'image\tcaption\na.png\t"Stop" says a sign\nb.png\t"open\n' });
    expect((await read()).images.map(([, , captions]) => captions)).toEqual([
      ['"Stop" says a sign'],
      ['"open'],
    ]);
  });

  it("rejects a row with more columns than the header, where the caption is not the last one", () => {
    write({ "metadata.csv": "text,file_name\nred, and blue,a.png\n" });
    expect(() => folder(dir)).toThrow(
      /metadata\.csv:2: has 3 columns, and the header has 2: put a text with ","/,
    );
  });

  it("takes linear time for a wide header and many rows", () => {
    const header = Array.from({ length: 20_000 }, (_, i) => i).join(",");
    write({ "metadata.csv": `file_name,text,${header}\n${"a.png,x\n".repeat(20_000)}` });
    const begin = performance.now();
    expect(folder(dir).count).toBe(1);
    expect(performance.now() - begin).toBeLessThan(20_000);
  }, 60_000);
});

describe("paths in a list", () => {
  it("reads backslashes as slashes, but not to outside", async () => {
    write({ "metadata.jsonl": rows({ file_name: ".\\train\\a.png", text: "x" }), "train/a.png": "A" });
    const { images, notes, unused } = await read();
    expect(images).toEqual([["train/a.png", "train", ["x"]]]);
    expect(notes).toEqual(["metadata.jsonl: has paths with backslashes, which were read as slashes"]);
    expect(unused).toEqual([]);
    for (const outside of ["..\\a.png", "C:\\a.png", "a\\..\\..\\b.png", "\\\\server\\a.png"]) {
      write({ "metadata.jsonl": rows({ file_name: outside, text: "x" }) });
      expect(() => folder(dir)).toThrow(
        /metadata\.jsonl:1: .* is not a path inside the folder: write it relative/,
      );
    }
  });

  it("skips a web address with the reason", async () => {
    write({ "metadata.csv": "file_name,text\na.png,x\nhttps://example.org/../a.png,y\n" });
    expect((await read()).images[1]).toEqual([
      "https://example.org/../a.png",
      expect.anything(),
      "is a web address: download the image, and give its path in the folder",
    ]);
  });

  it("finds the images in a folder beside the list, but not in another split's", async () => {
    write({ "metadata.csv": "file_name,text\na.png,x\n", "photos/a.png": "A", "dev/a.png": "other" });
    const { images, notes } = await read();
    expect(images.map(([id]) => id)).toEqual(["photos/a.png"]);
    expect(notes).toEqual(["metadata.csv: names images that are in photos/"]);
    write({
      ...{ "train/metadata.csv": "file_name,text\na.png,x\n", "train/a.png": "A" },
      ...{ "test/metadata.csv": "file_name,text\nb.png,x\n", "train/b.png": "B" },
    });
    rmSync(join(dir, "metadata.csv"));
    expect((await read()).images.map(([id]) => id)).toEqual(["test/b.png", "train/a.png"]);
  });

  it("counts what the list does not name, whatever it is", async () => {
    write({
      "captions.jsonl": rows({ image: "a.png", caption: "x" }, { image: "cafe\u0301.PNG", caption: "y" }),
      ...{ "a.png": "", "b.png": "", "in/c.JPG": "", "a.txt": "", "metadata.csv": "", "d.tar": "" },
      ...{ "README.md": "", "caf\u00e9.png": "", ".DS_Store": "", "._a.png": "", "images.zip": "" },
    });
    expect((await read()).unused).toEqual([
      "1 .csv: captions are read from captions.jsonl only: metadata.csv",
      "1 .jpg: no row of captions.jsonl names it: in/c.JPG",
      "1 .md: no row of captions.jsonl names it: README.md",
      "1 .png: no row of captions.jsonl names it: b.png",
      "1 .tar: captions are read from captions.jsonl only: d.tar",
      "1 .txt: captions are read from captions.jsonl only: a.txt",
      "1 .zip: is not unpacked: run `unzip images.zip` in its folder: images.zip",
    ]);
  });

  it.each<[string, string, RegExp]>([
    ["in the folders of splits", "train/a.png", /"train\/a\.png" is: write the folder before each name/],
    ["with an ending", "a.png.jpg", /"a\.png\.jpg" is: write the names with their endings/],
  ])("says if the images are %s", (_, file, message) => {
    write({ "metadata.csv": "file_name,text\na.png,x\n", [file]: "A" });
    expect(() => folder(dir)).toThrow(
      /none of the images that it names is in the folder, such as "a\.png"; /,
    );
    expect(() => folder(dir)).toThrow(message);
  });

  it("names an archive that is not unpacked, if no image is there", () => {
    write({ "metadata.csv": "file_name,text\na.png,x\n", "my images.zip": "PK" });
    expect(() => folder(dir)).toThrow(
      /metadata\.csv: none of the images that it names is in the folder, such as "a\.png"; my images\.zip is not unpacked: run `unzip '\.\/my images\.zip'`/,
    );
  });
});

describe("another file in place of a list", () => {
  it.each<[string, string, RegExp]>([
    [
      "a Git LFS pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 1\n",
      /metadata\.csv: is a Git LFS pointer, not the file: run `git lfs pull`/,
    ],
    [
      "a web page",
      "\n<!DOCTYPE html><html>",
      /metadata\.csv: is a web page, not the file: download it again/,
    ],
    ["a spreadsheet", "PK\x03\x04\0\0", /metadata\.csv: is a zip archive or a spreadsheet.*save it as CSV/],
    ["a compressed list", "\x1f\x8b\0\0", /metadata\.csv: is compressed: unpack it with gunzip/],
    ["a Parquet file", "PAR1\0\0", /metadata\.csv: is a Parquet file, not a text/],
    ["another binary file", "\x7fELF\0\0\x01", /metadata\.csv: is not a text file/],
  ])("rejects %s", (_, content, message) => {
    write({ "metadata.csv": Buffer.from(content, "latin1") });
    expect(() => folder(dir)).toThrow(UserError);
    expect(() => folder(dir)).toThrow(message);
  });
});
