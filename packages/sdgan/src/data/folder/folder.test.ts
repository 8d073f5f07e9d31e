import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { examplesOf } from "../../testing/examples.js";
import { writeFiles } from "../../testing/files.js";
import { tar, tarMember } from "../../testing/tar.js";
import { folder } from "./index.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-folder-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (files: Record<string, string | Buffer>) => writeFiles(dir, files);

/** Every image as [id, split, class, captions or why it is broken, bytes or the error of reading them]. */
async function images(path = dir) {
  const source = folder(path);
  const examples = await examplesOf(source);
  expect(source.count).toBe(examples.length);
  return Promise.all(
    examples.map(async ({ id, split, classId, captions, broken, read }) => [
      ...[id, split, source.classes[classId]],
      broken ?? captions.map(({ text }) => text),
      await read().then(String, (error) => error.message),
    ]),
  );
}

describe("folder", () => {
  it("reports what is expected if no convention matches", () => {
    write({ "readme.txt": "", "c/d.md": "" });
    expect(() => folder(dir)).toThrow(UserError);
    expect(() => folder(dir)).toThrow(
      /found no captions\. Expected captions\.jsonl with a line such as \{[^.]*\.png[^.]*\} for each image, .* \(docs\/data\.md\)\.$/,
    );
    expect(() => folder(join(dir, "none"))).toThrow(/none: no such folder\. Give a folder with images/);
  });

  it("uses the first convention that matches", () => {
    write({
      "a.jpg": "",
      "a.txt": "beside",
      "b.tar": tar(tarMember("x.jpg", ""), tarMember("x.txt", "in a tar")),
    });
    expect(folder(dir).found).toBe(`${dir}: WebDataset: b.tar`);
    write({ "metadata.csv": "file_name,text\na.jpg,listed\n" });
    expect(folder(dir).found).toBe(`${dir}: Hugging Face's image folder: metadata.csv`);
    write({ "captions.jsonl": '{"image": "a.jpg", "caption": "ours"}' });
    expect(folder(dir).found).toBe(`${dir}: captions.jsonl`);
  });
});

describe("Hugging Face's image folder", () => {
  it("reads metadata.jsonl, with several rows and several captions per image", async () => {
    write({
      "metadata.jsonl":
        '\ufeff{"file_name": "sub/a.png", "text": "red"}\r\n\n{"file_name": "b.png", "text": ["blue", "sea"], "label": 3}\n' +
        '{"file_name": "./sub/a.png", "text": "all red"}\n{"file_name": "c.png", "caption": "x", "label": null}',
      "sub/a.png": "A",
      "b.png": "B",
    });
    expect(await images()).toEqual([
      ["sub/a.png", "train", "sub/a.png", ["red", "all red"], "A"],
      ["b.png", "train", "3", ["blue", "sea"], "B"],
      [
        "c.png",
        expect.anything(),
        "c.png",
        ["x"],
        expect.stringMatching(/c\.png: does not exist \(ENOENT\)/),
      ],
    ]);
  });

  it("reads metadata.csv, also in the folders of the splits", async () => {
    write({
      "train/metadata.csv":
        '\ufefftext,file_name,label\r\n"red, ""really""\nred",a.png,robin\r\nx,b.png,\r\n',
      "validation/metadata.csv": "file_name,text\na.png,green\n",
      "test/metadata.jsonl": '{"file_name": "a.png", "text": "blue"}',
      "train/a.png": "TA",
      "validation/a.png": "VA",
    });
    expect(folder(dir).found).toBe(
      `${dir}: Hugging Face's image folder: test/metadata.jsonl, train/metadata.csv, validation/metadata.csv`,
    );
    expect((await images()).map((image) => image.slice(0, 4))).toEqual([
      ["test/a.png", "test", "test/a.png", ["blue"]],
      ["train/a.png", "train", "robin", ['red, "really"\nred']],
      ["train/b.png", "train", "train/b.png", ["x"]],
      ["validation/a.png", "val", "validation/a.png", ["green"]],
    ]);
  });

  it.each([
    [
      "metadata.jsonl",
      '{"file_name": "a"',
      /metadata\.jsonl:2: not JSON: .*; expected file_name and text, such as \{/,
    ],
    [
      "metadata.jsonl",
      "[]",
      /metadata\.jsonl:2: .*expected object.*; expected file_name and text, such as \{/,
    ],
    ["metadata.jsonl", '{"text": "x"}', /:2: "file_name": .*; expected file_name and text/],
    ["metadata.jsonl", '{"file_name": "a.png", "text": 1}', /:2: "text": /],
    [
      "metadata.jsonl",
      '{"file_name": "../a.png", "text": "x"}',
      /:2: "\.\.\/a\.png" is not a path inside the folder/,
    ],
    [
      "metadata.jsonl",
      '{"file_name": "/a.png", "text": "x"}',
      /:2: "\/a\.png" is not a path inside the folder/,
    ],
    [
      "metadata.csv",
      '"a.png,x\n',
      /metadata\.csv: is not CSV: a quotation mark is not closed, on line 2 or before; expected/,
    ],
    ["metadata.csv", ",x", /metadata\.csv:2: "file_name": /],
  ])("rejects %s with the line %j", (list, line, message) => {
    const first = list === "metadata.csv" ? "file_name,text" : '{"file_name": "0.png", "text": "x"}';
    write({ [list]: `${first}\n${line}` });
    expect(() => folder(dir)).toThrow(UserError);
    expect(() => folder(dir)).toThrow(message);
  });

  it("rejects an unclosed quotation mark in a large file", () => {
    write({ "metadata.csv": `file_name,text\na.png,"${"x".repeat(2 ** 21)}` });
    expect(() => folder(dir)).toThrow(
      /metadata\.csv: is not CSV: a quotation mark is not closed, on line 2 or before/,
    );
  });

  it("rejects an empty list, one with other columns, and two lists", () => {
    write({ "metadata.csv": "name,words\na.png,x\n" });
    expect(() => folder(dir)).toThrow(
      /metadata\.csv:2: "file_name": .*the row has "name", "words"; .*such as file_name,text and then 1\.png/,
    );
    write({ "metadata.csv": "" });
    expect(() => folder(dir)).toThrow(/metadata\.csv: lists no image/);
    write({ "metadata.jsonl": "" });
    expect(() => folder(dir)).toThrow(/has metadata\.jsonl and metadata\.csv\. Keep one of them/);
  });
});

describe("a .txt next to each image", () => {
  it("is found in subfolders, and images without one are reported", async () => {
    write({
      "a.jpg": "A",
      "a.txt": "a red bird\r\nred\r\n",
      "test/deep/b.PNG": "B",
      "test/deep/b.txt": "blue",
      "train/c.webp": "C",
      "Valid/e.jpg": "E",
      "Valid/e.txt": "green",
      ".hidden/d.jpg": "D",
      ".hidden/d.txt": "hidden",
      "._a.jpg": "",
    });
    expect(folder(dir).found).toBe(`${dir}: a .txt or .caption next to each image`);
    expect(await images()).toEqual([
      ["Valid/e.jpg", "val", "Valid/e.jpg", ["green"], "E"],
      ["a.jpg", "train", "a.jpg", ["a red bird", "red"], "A"],
      ["test/deep/b.PNG", "test", "test/deep/b.PNG", ["blue"], "B"],
      ["train/c.webp", "train", "train/c.webp", "has no captions: there is no c.txt next to it", "C"],
    ]);
  });

  it("does not follow links to folders or to outside", async () => {
    write({ "in/a.jpg": "A", "in/a.txt": "x", "secret.txt": "secret", "secret.jpg": "secret" });
    symlinkSync(join(dir, "in"), join(dir, "in/circle"));
    symlinkSync("../secret.txt", join(dir, "in/b.txt"));
    symlinkSync("../secret.jpg", join(dir, "in/b.jpg"));
    const leaves =
      /b\.(txt|jpg): is a link to outside the folder, and such links are not followed: give the target's own path, or .* cp -rL$/;
    expect(await images(join(dir, "in"))).toEqual([
      ["a.jpg", expect.anything(), "a.jpg", ["x"], "A"],
      ["b.jpg", expect.anything(), "b.jpg", expect.stringMatching(leaves), expect.stringMatching(leaves)],
    ]);
  });

  it("does not wait for a pipe", async () => {
    write({ "a.jpg": "A" });
    execFileSync("mkfifo", [join(dir, "a.txt"), join(dir, "b.jpg")]);
    expect(await images()).toMatchObject([
      ["a.jpg", {}, {}, expect.stringMatching(/a\.txt: is not a file$/), "A"],
      [
        "b.jpg",
        {},
        {},
        "has no captions: there is no b.txt next to it",
        expect.stringMatching(/b\.jpg: is not a file$/),
      ],
    ]);
  });
});

describe("WebDataset", () => {
  const sample = (key: string, text = `words of ${key}`) => [
    tarMember(`${key}.jpg`, `image ${key}`),
    tarMember(`${key}.txt`, text),
  ];

  it("reads images and captions from the tar file", async () => {
    write({
      "shards.tar": tar(
        tarMember("./", "", { type: "5" }),
        ...sample("0", "red\nall red\n"),
        tarMember("sub/1.json", '{"caption": "blue", "url": 1}'),
        tarMember("sub/1.PNG", "B"),
        tarMember("2.json", '{"captions": ["x", "y"]}'),
        tarMember("2.cls", "7"),
        tarMember("2.webp", "C"),
        tarMember("3.jpg", "no words"),
        tarMember("4.txt", "no image"),
        tarMember("5.jpg", "D"),
        tarMember("5.json", "{"),
        tarMember("6.jpg", "E"),
        tarMember("6.json", '{"caption": 1}'),
        tarMember("7.jpg", "", { type: "2", link: "/etc/hostname" }),
        tarMember("7.txt", "a link"),
        tarMember("../8.jpg", "F"),
        tarMember("../8.txt", "a name, no more"),
        tarMember("0.jpg", "the last one counts"),
        tarMember("._0.jpg", "x"),
      ),
    });
    expect(folder(join(dir, "shards.tar")).found).toBe(`${dir}/shards.tar: WebDataset: one tar file`);
    const found = await images(join(dir, "shards.tar"));
    expect(found.map(([id, , className, words, bytes]) => [id === className && id, words, bytes])).toEqual([
      ["shards.tar/0", ["red", "all red"], "the last one counts"],
      ["shards.tar/sub/1", ["blue"], "B"],
      ["shards.tar/2", ["x", "y"], "C"],
      ["shards.tar/3", "has no captions: neither a .txt nor a .caption nor a .json", "no words"],
      ["shards.tar/5", expect.stringMatching(/shards\.tar\/5\.json: is not JSON$/), "D"],
      [
        "shards.tar/6",
        expect.stringMatching(/shards\.tar\/6\.json: its "caption" is neither a text nor a list of texts$/),
        "E",
      ],
      ["shards.tar/../8", ["a name, no more"], "F"],
    ]);
  });

  it("uses the splits in the shards' names and folders", async () => {
    write({
      "train-000.tar": tar(...sample("a")),
      "val/0.tar": tar(...sample("b")),
      "birds_test_1.tar": tar(...sample("c")),
      "birds-dev.tar": tar(...sample("f")),
      "other.tar": tar(...sample("d"), ...sample("train/e")),
    });
    expect((await images()).map(([id, split]) => [id, split])).toEqual([
      ["birds-dev.tar/f", "val"],
      ["birds_test_1.tar/c", "test"],
      ["other.tar/d", "train"],
      ["other.tar/train/e", "train"],
      ["train-000.tar/a", "train"],
      ["val/0.tar/b", "val"],
    ]);
  });

  it("reads long names as tar writes them in the formats pax, GNU and ustar", async () => {
    const long = `${"long/".repeat(18)}${"é".repeat(40)}`;
    write({ [`in/${long}.jpg`]: "L", [`in/${long}.txt`]: "long", "in/a.jpg": "A", "in/a.txt": "short" });
    for (const format of ["pax", "gnu"]) {
      execFileSync("tar", [
        "-C",
        join(dir, "in"),
        `--format=${format}`,
        "-cf",
        join(dir, `${format}.tar`),
        ".",
      ]);
      const found = await images(join(dir, `${format}.tar`));
      expect(found.map(([id, , , words, bytes]) => [id, words, bytes]).sort()).toEqual([
        [`${format}.tar/./a`, ["short"], "A"],
        [`${format}.tar/./${long}`, ["long"], "L"],
      ]);
    }
    const prefix = { prefix: "p".repeat(150) };
    write({ "ustar.tar": tar(tarMember("a.jpg", "U", prefix), tarMember("a.txt", "x", prefix)) });
    expect((await images(join(dir, "ustar.tar")))[0]![0]).toBe(`ustar.tar/${prefix.prefix}/a`);
  });

  const good = tarMember("a.txt", "x");
  it.each<[string, Buffer, RegExp]>([
    ["no content", Buffer.alloc(0), /x\.tar: is empty\. Copy or download it again\./],
    ["no members", tar(), /x\.tar: has no images with captions/],
    ["text", Buffer.from("hello ".repeat(200)), /x\.tar: is not a tar file/],
    [
      "gzip",
      Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(600)]),
      /is compressed\. Unpack it with gunzip/,
    ],
    ["half a member", tarMember("a.jpg", Buffer.alloc(3000)).subarray(0, 2000), /x\.tar: is truncated/],
    [
      "a broken header",
      tar(good, Buffer.from(tarMember("b.jpg", "").map((b, i) => (i === 3 ? 99 : b)))),
      /is broken at byte 1024/,
    ],
    ["a huge size", tar(tarMember("a.jpg", "", { size: 2 ** 33 - 1 })), /x\.tar: is truncated/],
    [
      "a size of letters",
      tar(tarMember("a.jpg", "", { sizeField: "99999999999\0" })),
      /its size is not a number/,
    ],
    [
      "a size that is too large for a number",
      tar(tarMember("a.jpg", "", { sizeField: `\x80${"\xff".repeat(11)}` })),
      /its size is not a number/,
    ],
    [
      "a size in pax",
      tar(tarMember("p", "19 size=99999999999\n", { type: "x" }), good),
      /x\.tar: is truncated/,
    ],
    [
      "a name of 1 MiB",
      tar(tarMember("p", Buffer.alloc(2 ** 20), { type: "L" }), good),
      /a name of 1048576 bytes/,
    ],
  ])("rejects a tar file with %s", (_, bytes, message) => {
    write({ "x.tar": bytes });
    expect(() => folder(join(dir, "x.tar"))).toThrow(UserError);
    expect(() => folder(join(dir, "x.tar"))).toThrow(message);
  });
});
