import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { examplesOf } from "../../testing/examples.js";
import { writeFiles } from "../../testing/files.js";
import { tar, tarMember } from "../../testing/tar.js";
import { folder } from "./index.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-web-dataset-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (files: Record<string, string | Buffer>) => writeFiles(dir, files);

/** Id → captions or why it is broken, and what was reported. */
async function read(path = "") {
  const source = folder(join(dir, path));
  const examples = await examplesOf(source);
  return {
    examples,
    source,
    captions: Object.fromEntries(
      examples.map(({ id, captions, broken }) => [id, broken ?? captions.map(({ text }) => text)]),
    ),
    unused: source.remarks!.unusedGroups.map(({ unused, count, reason, first }) => [
      unused,
      count,
      reason,
      first,
    ]),
    notes: source.remarks!.notes.map(({ first, count, text }) => [first, count, text]),
  };
}

const sample = (key: string, text: string | Buffer = `words of ${key}`) => [
  tarMember(`${key}.jpg`, `image ${key}`),
  tarMember(`${key}.txt`, text),
];

describe("WebDataset", () => {
  it("reads names with dots and several images of one sample, which share split and class", async () => {
    const several = Array.from({ length: 40 }, (_, i) => [
      ...[tarMember(`s${i}.1.jpg`, `a${i}`), tarMember(`s${i}.2.jpg`, `b${i}`)],
      tarMember(`s${i}.json`, JSON.stringify({ caption: `s ${i}` })),
    ]).flat();
    write({ "x.tar": tar(...sample("photo.2021.a"), ...sample("photo.2021.b"), ...several) });
    const { captions, examples, source, unused } = await read("x.tar");
    expect(examples).toHaveLength(82);
    expect(captions).toMatchObject({
      "x.tar/photo.2021.a": ["words of photo.2021.a"],
      "x.tar/photo.2021.b": ["words of photo.2021.b"],
      "x.tar/s7.1": ["s 7"],
      "x.tar/s7.2": ["s 7"],
    });
    for (let i = 2; i < examples.length; i += 2) {
      expect(examples[i]!.split).toBe(examples[i + 1]!.split);
      expect(examples[i]!.classId).toBe(examples[i + 1]!.classId);
    }
    expect(new Set(examples.map(({ split }) => split))).toEqual(new Set(["train", "test"]));
    expect(source.classes).toHaveLength(42);
    expect(String(await examples[3]!.read())).toBe("b0");
    expect(unused).toEqual([]);
  });

  it("reports every member that is not used, and every file beside the tar files", async () => {
    write({
      "train-0.tar": tar(
        ...sample("0"),
        ...[tarMember("1.jpg", "no words"), tarMember("2.txt", "no image"), tarMember("0.cls", "7")],
        ...[
          tarMember("3.heic", ""),
          tarMember("3.txt", "x"),
          tarMember("folder/", ""),
          tarMember("._0.jpg", ""),
        ],
        ...[tarMember("4.jpg", "", { type: "2", link: "0.jpg" }), tarMember("pipe.jpg", "", { type: "6" })],
        ...[tarMember("0.jpg", "again"), tarMember("f", "", { type: "5" })],
        ...[tarMember("p", `${"x".repeat(1100)}.jpg`, { type: "L" }), tarMember("q", "")],
      ),
      ...{
        "a.jpg": "",
        "a.txt": "",
        "README.md": "",
        "old.tar.gz": "",
        "deep/er/1.tar": tar(),
        "Thumbs.db": "",
      },
    });
    const { captions, unused, examples } = await read();
    expect(captions).toEqual({
      "train-0.tar/0": ["words of 0"],
      "train-0.tar/1": "has no captions: neither a .txt nor a .caption nor a .json",
    });
    expect(String(await examples[0]!.read())).toBe("again");
    const beside = "the folder has tar files, and only these are read";
    const rows = [
      [".cls", 1, "is neither an image nor a caption file", "train-0.tar/0.cls"],
      [".gz", 1, "a compressed file is not read: unpack it", "old.tar.gz"],
      [".heic", 1, "HEIC is not read: convert it to JPEG", "train-0.tar/3.heic"],
      [".jpg", 1, "a later file in the tar file has the same name", "train-0.tar/0.jpg"],
      [".jpg", 1, beside, "a.jpg"],
      [
        ".jpg",
        1,
        "is a link, which is not followed: pack the files with tar -h --hard-dereference",
        "train-0.tar/4.jpg",
      ],
      [".jpg", 1, "is neither a file nor a folder", "train-0.tar/pipe.jpg"],
      [".md", 1, "is neither an image nor a caption file", "README.md"],
      [".tar", 1, beside, "deep/er/1.tar"],
      [".txt", 1, beside, "a.txt"],
      [".txt", 1, "has no image of its name", "train-0.tar/2.txt"],
      [".txt", 1, "its image is in a format that is not read", "train-0.tar/3.txt"],
      ["no extension", 1, "has a name of more than 1,024 characters", `train-0.tar/${"x".repeat(60)}…`],
    ];
    expect(new Set(unused.map((row) => JSON.stringify(row)))).toEqual(
      new Set(rows.map((row) => JSON.stringify(row))),
    );
  });

  it("of one tar file that is given, reports nothing beside it", async () => {
    write({ "x.tar": tar(...sample("0")), "a.jpg": "", "y.tar": "" });
    expect((await read("x.tar")).unused).toEqual([]);
  });

  it("reads captions in other encodings, upper-case extensions and .caption", async () => {
    write({
      "SHARD.TAR": tar(
        ...[tarMember("0.JPG", ""), tarMember("0.TXT", Buffer.from("caf\xe9", "latin1"))],
        ...[tarMember("1.Jpeg", ""), tarMember("1.Json", Buffer.from('\ufeff{"text": "été"}', "utf16le"))],
        ...[tarMember("2.png", ""), tarMember("2.caption", "\ufefftwo\nlines")],
        ...[
          tarMember("3.png", ""),
          tarMember("3.txt", "version https://git-lfs.github.com/spec/v1\noid x\n"),
        ],
      ),
    });
    const { captions, notes } = await read();
    expect(captions).toEqual({
      "SHARD.TAR/0": ["café"],
      "SHARD.TAR/1": ["été"],
      "SHARD.TAR/2": ["two", "lines"],
      "SHARD.TAR/3": expect.stringMatching(/SHARD\.TAR\/3\.txt: is a Git LFS pointer/),
    });
    expect(notes).toEqual([
      ["SHARD.TAR/0.TXT", 1, "is not UTF-8 and was read as Windows-1252; save it as UTF-8 if that is wrong"],
      ["SHARD.TAR/1.Json", 1, "was read as UTF-16"],
    ]);
  });

  it("keeps names apart that are not UTF-8, and notes captions of nearly the same name", async () => {
    const latin1 = (name: string, content: string) => {
      const bytes = tarMember("xxxx.jpg", content);
      bytes.write(name, 0, 8, "latin1");
      bytes.write(" ".repeat(8), 148);
      const sum = bytes.subarray(0, 512).reduce((sum, byte) => sum + byte, 0);
      bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
      return bytes;
    };
    write({
      "x.tar": tar(
        ...[
          latin1("caf\xe9.jpg", "A"),
          latin1("caf\xe9.txt", "e"),
          latin1("caf\xe8.jpg", "B"),
          latin1("caf\xe8.txt", "f"),
        ],
        ...[tarMember("IMG.jpg", ""), tarMember("img.txt", "g")],
      ),
    });
    const { captions, notes } = await read("x.tar");
    expect(captions).toEqual({ "x.tar/café": ["e"], "x.tar/cafè": ["f"], "x.tar/IMG": ["g"] });
    expect(notes).toEqual([
      ["x.tar/img.txt", 1, "matched by name only with upper and lower case taken as equal"],
    ]);
  });

  it("reads tar files that were concatenated", async () => {
    const padded = (...members: Buffer[]) => {
      const bytes = tar(...members);
      return Buffer.concat([bytes, Buffer.alloc((10240 - (bytes.length % 10240)) % 10240)]);
    };
    write({ "x.tar": Buffer.concat([padded(...sample("0")), padded(...sample("1")), tar(...sample("2"))]) });
    expect(Object.keys((await read("x.tar")).captions)).toEqual(["x.tar/0", "x.tar/1", "x.tar/2"]);
    write({ "y.tar": Buffer.concat([tar(...sample("0")), Buffer.from("rubbish ".repeat(200))]) });
    expect(Object.keys((await read("y.tar")).captions)).toEqual(["y.tar/0"]);
    write({ "z.tar": Buffer.concat([tar(...sample("0")), Buffer.alloc(2 ** 22), tar(...sample("1"))]) });
    expect(Object.keys((await read("z.tar")).captions)).toEqual(["z.tar/0"]);
  });

  it("says that it is a packed folder if it has a list in place of captions", () => {
    const images = [tarMember("mine/0.jpg", "0"), tarMember("mine/1.jpg", "1")];
    for (const list of ["metadata.jsonl", "Captions.csv", "captions.jsonl"]) {
      write({ "x.tar": tar(tarMember(`mine/${list}`, ""), ...images) });
      expect(() => folder(join(dir, "x.tar"))).toThrow(
        new RegExp(`x\\.tar: is a packed folder with the list "mine/${list}".* Unpack it with tar -xf`),
      );
    }
  });

  it("names the keys of JSON without a caption", async () => {
    write({ "x.tar": tar(tarMember("0.jpg", "0"), tarMember("0.json", '{"prompt": "a bird", "url": "u"}')) });
    const [broken] = Object.values((await read("x.tar")).captions);
    expect(broken).toMatch(/0\.json: has no text "caption", "captions" or "text"; it has "prompt", "url"$/);
  });

  it("says which members there are if no image is found", () => {
    write({ "x.tar": tar(tarMember("0.heic", ""), tarMember("1.heic", ""), tarMember("0.txt", "x")) });
    expect(() => folder(join(dir, "x.tar"))).toThrow(
      /has no images with captions; expected .* Most of its files are not used: x\.tar\/0\.heic: HEIC is not read/,
    );
  });

  it("uses the name that a link in Hugging Face's cache has", async () => {
    write({ "datasets--me--x/blobs/4d20": tar(...sample("0")) });
    const snapshot = join(dir, "datasets--me--x/snapshots/abc");
    mkdirSync(snapshot, { recursive: true });
    symlinkSync("../../blobs/4d20", join(snapshot, "test-0000.tar"));
    for (const path of ["", "/snapshots/abc", "/snapshots/abc/test-0000.tar"]) {
      const { examples } = await read(`datasets--me--x${path}`);
      expect(examples.map(({ id, split }) => [id, split])).toEqual([["test-0000.tar/0", "test"]]);
    }
  });

  it.each<[string, Buffer, RegExp]>([
    [
      "a Git LFS pointer",
      Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
      /x\.tar: is a Git LFS pointer, .*git lfs pull/,
    ],
    [
      "a web page",
      Buffer.from(`<!DOCTYPE html><html>${"sorry ".repeat(200)}`),
      /x\.tar: is a web page, .*download it again/,
    ],
    ["a short web page", Buffer.from("<html>404</html>"), /x\.tar: is a web page/],
    [
      "a short gzip file",
      Buffer.from([0x1f, 0x8b, 8, 0]),
      /is compressed\. Unpack it with gunzip first, and give the tar file/,
    ],
    ["bzip2", Buffer.from(`BZh9${"x".repeat(600)}`), /is compressed\. Unpack it with bunzip2/],
    [
      "zip",
      Buffer.from(`PK\x03\x04${"x".repeat(600)}`),
      /is a zip file, not a tar file\. Unpack it, and give the folder/,
    ],
    ["a short text", Buffer.from("hello"), /x\.tar: is not a tar file\. Give the folder/],
  ])("refuses %s in place of a tar file, with what to do", (_, bytes, message) => {
    write({ "x.tar": bytes });
    expect(() => folder(join(dir, "x.tar"))).toThrow(message);
  });
});
