import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "@sdgan/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { examplesOf } from "../../testing/examples.js";
import { folder } from "./index.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-other-lists-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(files: Record<string, string | object>): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), typeof content === "string" ? content : JSON.stringify(content));
  }
}

/** Every image as [id, split, captions]. */
async function images() {
  return (await examplesOf(folder(dir))).map(({ id, split, captions }) => [
    ...[id, split, captions.map(({ text }) => text)],
  ]);
}

const split = expect.stringMatching(/^(train|test)$/);

describe("Flickr8k", () => {
  it.each(["Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset/Flicker8k_Dataset"])(
    "is read from captions.txt with the images in %s",
    async (place) => {
      write({
        "captions.txt": 'image,caption\n1.jpg,A red bird .\n1.jpg,"Red , all over ."\n2.jpg,Blue\n',
        [`${place}/1.jpg`]: "1",
        [`${place}/2.jpg`]: "2",
      });
      expect(folder(dir).found).toBe(`${dir}: captions.txt`);
      expect(folder(dir).remarks!.notes).toEqual([
        { text: `names images that are in ${place}/`, count: 1, first: "captions.txt" },
      ]);
      expect(await images()).toEqual([
        [`${place}/1.jpg`, split, ["A red bird .", "Red , all over ."]],
        [`${place}/2.jpg`, split, ["Blue"]],
      ]);
    },
  );

  it("is read from its tokens, with its lists of splits, as its archives unpack", async () => {
    write({
      "Flickr8k_text/Flickr8k.token.txt":
        "1.jpg#0\tA red bird .\r\n1.jpg#1\tA red bird .\r\n2.jpg#0\tBlue\r\n3.jpg#0\tx\r\n4.jpg#0\ty\r\n",
      "Flickr8k_text/Flickr_8k.trainImages.txt": "1.jpg\n",
      "Flickr8k_text/Flickr_8k.devImages.txt": "2.jpg\n",
      "Flickr8k_text/Flickr_8k.testImages.txt": "3.jpg\n",
      "Flickr8k_text/readme.txt": "",
      ...Object.fromEntries([1, 2, 3, 4].map((i) => [`Flicker8k_Dataset/${i}.jpg`, ""])),
    });
    expect(await images()).toEqual([
      // Two people wrote the same.
      ["Flicker8k_Dataset/1.jpg", "train", ["A red bird .", "A red bird ."]],
      ["Flicker8k_Dataset/2.jpg", "val", ["Blue"]],
      ["Flicker8k_Dataset/3.jpg", "test", ["x"]],
    ]);
    const source = folder(dir);
    expect(source.found).toContain("Flickr8k_text/Flickr_8k.testImages.txt");
    expect(source.remarks!.unusedGroups).toMatchObject([
      { unused: ".txt", count: 1, first: "Flickr8k_text/readme.txt" },
      { unused: "row", count: 1, reason: "is in none of the split lists" },
    ]);
  });

  it("is refused if captions.txt is a web page", () => {
    write({ "captions.txt": "<html>404</html>", "Images/1.jpg": "" });
    expect(() => folder(dir)).toThrow(/captions\.txt: is a web page, not the file: download it again/);
  });

  it("rejects another line among the tokens", () => {
    write({ "Flickr8k.token.txt": "1.jpg#0\tx\n2.jpg y\n" });
    expect(() => folder(dir)).toThrow(
      /token\.txt:2: expected a line such as "1\.jpg#0", a tab.*found "2\.jpg y"/,
    );
  });
});

describe("captions.json and captions.tsv", () => {
  it.each<[string, object]>([
    [
      "an array",
      [
        { image: "1.jpg", caption: "red" },
        { filename: "2.jpg", captions: ["blue", "sea"] },
      ],
    ],
    [
      "an array in an object",
      {
        version: 1,
        rows: [
          { path: "1.jpg", text: "red" },
          { file_name: "2.jpg", text: ["blue", "sea"] },
        ],
      },
    ],
    ["an object of captions", { "1.jpg": "red", "2.jpg": ["blue", "sea"] }],
    ["an object of rows", { "1.jpg": { caption: "red", tags: "x" }, "2.jpg": { captions: ["blue", "sea"] } }],
  ])("reads %s", async (_, content) => {
    write({ "captions.json": content });
    expect(await images()).toEqual([
      ["1.jpg", split, ["red"]],
      ["2.jpg", split, ["blue", "sea"]],
    ]);
  });

  it("reads one under the ending of the other kind of JSON, and says so", async () => {
    write({ "captions.json": '{"image": "1.jpg", "text": "red"}\n{"image": "2.jpg", "text": "blue"}\n' });
    expect((await images()).map(([id]) => id)).toEqual(["1.jpg", "2.jpg"]);
    expect(folder(dir).remarks!.notes[0]!.text).toBe("has one JSON object per line and was read as such");
    rmSync(join(dir, "captions.json"));
    write({ "captions.jsonl": [{ image: "1.jpg", text: "red" }] });
    expect((await images()).map(([id]) => id)).toEqual(["1.jpg"]);
    expect(folder(dir).remarks!.notes[0]!.text).toBe("is one JSON array and was read as such");
  });

  it.each<[string, string | object, RegExp]>([
    [
      "one that is cut off",
      '[{"image": "1.jpg"',
      /captions\.json: is not JSON, or is truncated; expected \[\{/,
    ],
    ["a number", "7", /captions\.json: is neither an array nor an object/],
    ["an entry that is no object", [7], /captions\.json, entry 1: expected object, found 7/],
    [
      "COCO's",
      { images: [{ id: 1 }], annotations: [{ id: 1 }] },
      /has COCO's layout: use `sdgan prepare coco`/,
    ],
  ])("rejects %s", (_, content, message) => {
    write({ "captions.json": content });
    expect(() => folder(dir)).toThrow(UserError);
    expect(() => folder(dir)).toThrow(message);
  });

  it("reads lists in the folders of the splits, and in an only subfolder", async () => {
    write({
      "train/captions.tsv": "image\tcaption\n1.jpg\tred\n",
      "val/captions.tsv": "image\tcaption\n1.jpg\tblue\n",
    });
    expect(await images()).toEqual([
      ["train/1.jpg", "train", ["red"]],
      ["val/1.jpg", "val", ["blue"]],
    ]);
    rmSync(join(dir, "train"), { recursive: true });
    rmSync(join(dir, "val"), { recursive: true });
    write({ "mine/captions.jsonl": { image: "1.jpg", caption: "red" } });
    expect(await images()).toEqual([["mine/1.jpg", split, ["red"]]]);
    write({ "yours/captions.jsonl": { image: "1.jpg", caption: "red" } });
    expect(() => folder(dir)).toThrow(
      /has 2 folders with lists, such as mine\/captions\.jsonl and yours\/.*Give one/,
    );
  });

  it("does not replace the conventions before it", async () => {
    write({ "captions.json": [], "1.jpg": "", "1.txt": "red" });
    expect(folder(dir).found).toBe(`${dir}: a .txt or .caption next to each image`);
  });
});

describe("nearly a list", () => {
  it.each<[string, string, RegExp]>([
    ["metadata1000.jsonl", "", /metadata1000\.jsonl looks like a list.*: rename it to metadata\.jsonl\.$/],
    ["data.tsv", "", /data\.tsv looks like a list.*: rename it to captions\.tsv\.$/],
    [
      "captions.txt",
      "a red bird\n",
      /captions\.txt does not say which image a caption is of: write image,caption/,
    ],
    ["a/b/metadata.csv", "", /a\/b\/metadata\.csv is in a subfolder: give ".*\/a\/b" as the folder\.$/],
    [
      "data/train-0.parquet",
      "",
      /data\/train-0\.parquet is a table that is not read: write its images to files/,
    ],
    ["list.xlsx", "", /list\.xlsx is a spreadsheet: save it as metadata\.csv\.$/],
    ["a.zip", "", /a\.zip is not unpacked: run `unzip a\.zip` in its folder\.$/],
    [
      "0.tar.gz",
      "",
      /0\.tar\.gz is not unpacked: run `tar -xzf 0\.tar\.gz`.* `gunzip 0\.tar\.gz` if it is a WebDataset/,
    ],
    ["it's.tgz", "", /run `tar -xzf '\.\/it'\\''s\.tgz'`/],
    ["captions.jsonl.gz", "", /captions\.jsonl\.gz is not unpacked: run `gunzip captions\.jsonl\.gz`/],
  ])("%s is named with the remedy", (file, content, message) => {
    write({ [file]: content, "1.jpg": "" });
    expect(() => folder(dir)).toThrow(UserError);
    expect(() => folder(dir)).toThrow(/found no captions for its 1 image\. /);
    expect(() => folder(dir)).toThrow(message);
  });

  it("is named if it is given itself", () => {
    write({ "metadata.csv": "", "a.zip": "", "1.jpg": "", "all.jsonl": "" });
    expect(() => folder(join(dir, "metadata.csv"))).toThrow(
      /metadata\.csv: is one file of a folder: give the folder/,
    );
    expect(() => folder(join(dir, "1.jpg"))).toThrow(/1\.jpg: is one file of a folder: give the folder/);
    expect(() => folder(join(dir, "a.zip"))).toThrow(/a\.zip: is not unpacked: run `unzip a\.zip`/);
    expect(() => folder(join(dir, "all.jsonl"))).toThrow(
      /all\.jsonl: looks like a list.*and give its folder/,
    );
  });
});
