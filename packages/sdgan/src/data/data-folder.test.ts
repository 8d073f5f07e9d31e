import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeFiles } from "../testing/files.js";
import { DataFolder } from "./data-folder.js";
import { givenFile, snapshotOf } from "./hub-cache.js";
import { Remarks } from "./remarks.js";

let dir: string;
let remarks: Remarks;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sdgan-data-folder-"));
  remarks = new Remarks();
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (files: Record<string, string | Buffer>) => writeFiles(dir, files);

const open = (path = "") => new DataFolder(join(dir, path), "", remarks);
const text = async (data: DataFolder, path: string) => String(await data.read(path));

describe("names that differ from those on the disk", () => {
  it("are found in another normal form and in other case, in folders too, and noted", async () => {
    write({ "Bilder/cafe\u0301.JPG": "A", "img.jpg": "B" });
    const data = open();
    expect(await text(data, "bilder/caf\u00e9.JPG")).toBe("A");
    expect(await text(data, "Bilder/caf\u00e9.JPG")).toBe("A");
    expect(await text(data, "./IMG.jpg")).toBe("B");
    expect(data.hasFile("IMG.JPG")).toBe(true);
    expect(data.hasFile("bilder")).toBe(false);
    expect(data.use("IMG.JPG", (_, size) => size)).toBe(1);
    expect(await data.stamp("IMG.JPG")).toBe(await data.stamp("img.jpg"));
    expect(remarks.notes).toEqual([
      {
        text: "matched by name only with upper and lower case taken as equal",
        count: 3,
        first: "bilder/caf\u00e9.JPG",
      },
      {
        text: "matched by name only after Unicode normalization (NFC)",
        count: 1,
        first: "Bilder/caf\u00e9.JPG",
      },
    ]);
  });

  it("are not guessed where several fit, and equal names come first", async () => {
    write({ "a.JPG": "1", "A.jpg": "2", "a.jpg": "3" });
    const data = open();
    expect(await text(data, "a.jpg")).toBe("3");
    await expect(data.read("A.JPG")).rejects.toThrow(/A\.JPG: does not exist \(ENOENT\)/);
    expect(data.hasFile("A.JPG")).toBe(false);
    expect(await data.stamp("A.JPG")).toBe("ENOENT");
    expect(remarks.notes).toEqual([]);
  });

  it("do not lead out of the folder", async () => {
    write({ "in/a.jpg": "A", "secret.jpg": "S" });
    symlinkSync("..", join(dir, "in/Up"));
    symlinkSync("../secret.jpg", join(dir, "in/Link.jpg"));
    const data = open("in");
    await expect(data.read("../SECRET.jpg")).rejects.toThrow(/does not exist \(ENOENT\)/);
    await expect(data.read("Up/secret.jpg")).rejects.toThrow(/is a link to outside the folder/);
    await expect(data.read("up/secret.jpg")).rejects.toThrow(/does not exist \(ENOENT\)/);
    await expect(data.read("link.jpg")).rejects.toThrow(/is a link to outside the folder/);
  });
});

describe("links", () => {
  it("to outside are refused with what to do, and so are those to nothing", async () => {
    write({ "in/a.txt": "", "b.jpg": "B" });
    symlinkSync("../b.jpg", join(dir, "in/b.jpg"));
    symlinkSync("gone.jpg", join(dir, "in/c.jpg"));
    await expect(open("in").read("b.jpg")).rejects.toThrow(
      /b\.jpg: is a link to outside the folder.*: give the target's own path, or copy .* by cp -rL$/,
    );
    await expect(open("in").read("c.jpg")).rejects.toThrow(
      /c\.jpg: is a link to a file that does not exist: copy or download it again$/,
    );
  });

  it("and files whose names are not UTF-8 are refused with that cause", async () => {
    writeFileSync(Buffer.concat([Buffer.from(join(dir, "caf")), Buffer.of(0xe9)]), "");
    const [file] = open().list();
    await expect(open().read(file!.name)).rejects.toThrow(/its name is not UTF-8.*: rename it, with convmv/);
  });

  it("are marked in the list", () => {
    write({ "in/a.jpg": "", "Thumbs.db": "", "desktop.ini": "", ".DS_Store": "", "__MACOSX/a.jpg": "" });
    symlinkSync("in", join(dir, "link"));
    expect(open().list()).toEqual([
      { name: "in", isFolder: true, isLink: false },
      { name: "link", isFolder: false, isLink: true },
    ]);
    expect(open().isFolder("link")).toBe(true);
    write({ ".a.jpg": "", "._a.jpg": "" });
    expect(open().list(".", { hidden: true })[0]).toEqual({ name: ".a.jpg", isFolder: false, isLink: false });
  });
});

describe("Hugging Face's cache", () => {
  const repository = "hub/datasets--me--birds";
  const snapshot = (name: string) => `${repository}/snapshots/${name}`;
  const chosen = (path: string) => snapshotOf(join(dir, path), remarks);
  beforeEach(() => {
    write({ [`${repository}/blobs/4d20`]: "blob", "hub/secret": "S" });
    for (const name of ["abc", "def"]) {
      mkdirSync(join(dir, snapshot(name), "sub"), { recursive: true });
      symlinkSync("../../blobs/4d20", join(dir, snapshot(name), "a.jpg"));
      symlinkSync("../../../blobs/4d20", join(dir, snapshot(name), "sub/train.tar"));
      symlinkSync("../../../secret", join(dir, snapshot(name), "b.jpg"));
    }
  });

  it("links within the repository are followed, others are not", async () => {
    expect(await text(open(snapshot("abc")), "a.jpg")).toBe("blob");
    expect(await text(open(`${snapshot("abc")}/sub`), "train.tar")).toBe("blob");
    await expect(open(snapshot("abc")).read("b.jpg")).rejects.toThrow(/is a link to outside the folder/);
  });

  it("of a repository with one snapshot, this is read; of several, the one of refs/main", () => {
    write({ [`${repository}/refs/main`]: "def\n" });
    expect(chosen(repository)).toBe(join(dir, snapshot("def")));
    expect(chosen(`${repository}/snapshots`)).toBe(join(dir, snapshot("def")));
    symlinkSync(repository, join(dir, "link"));
    expect(chosen("link")).toBe(join(dir, "link/snapshots/def"));
    expect(remarks.notes).toEqual([
      {
        text: "was read of 2 snapshots, since refs/main names it",
        count: 2,
        first: join(dir, snapshot("def")),
      },
    ]);
    rmSync(join(dir, snapshot("def")), { recursive: true });
    expect(chosen(repository)).toBe(join(dir, snapshot("abc")));
  });

  it("several snapshots without refs/main, or none, are refused", () => {
    expect(() => chosen(repository)).toThrow(
      /has 2 snapshots: "abc", "def"\. Give the path of one of them\./,
    );
    write({ [`${repository}/refs/main`]: "../../../.." });
    expect(() => chosen(repository)).toThrow(/has 2 snapshots/);
    rmSync(join(dir, repository, "snapshots"), { recursive: true });
    mkdirSync(join(dir, repository, "snapshots"));
    expect(() => chosen(repository)).toThrow(/has no snapshot\. Download the repository again\./);
    expect(() => chosen("hub")).toThrow(
      /hub: is Hugging Face's cache\. Give the path of a repository in it: "datasets--me--birds"\./,
    );
    for (const path of [`${repository}/blobs`, "none"]) expect(chosen(path)).toBe(join(dir, path));
  });

  it("a file in it keeps its name, and any other link is resolved", () => {
    const file = join(dir, snapshot("abc"), "sub/train.tar");
    expect(givenFile(file)).toBe(file);
    write({ "x.tar": "" });
    symlinkSync("x.tar", join(dir, "y.tar"));
    expect(givenFile(join(dir, "y.tar"))).toBe(join(dir, "x.tar"));
    symlinkSync("../../../../x.tar", join(dir, snapshot("abc"), "z.tar"));
    expect(givenFile(join(dir, snapshot("abc"), "z.tar"))).toBe(join(dir, "x.tar"));
  });

  it("a folder with such a name that is not in the cache has no rights", async () => {
    write({ "datasets--x/snapshots.txt": "" });
    mkdirSync(join(dir, "datasets--x/sub"));
    symlinkSync("../snapshots.txt", join(dir, "datasets--x/sub/a"));
    await expect(open("datasets--x/sub").read("a")).rejects.toThrow(/is a link to outside the folder/);
  });
});

it("lists of text are decoded, which is noted", () => {
  write({
    "a.txt": Buffer.from("caf\xe9", "latin1"),
    "b.txt": Buffer.from("\ufeffb", "utf16le"),
    "c.txt": "c",
  });
  const data = open();
  expect(["a.txt", "b.txt", "c.txt"].map((path) => data.readTextList(path))).toEqual(["café", "b", "c"]);
  write({ "d.txt": "<html>404</html>", "e.txt": "version https://git-lfs.github.com/spec/v1\noid x\n" });
  expect(() => data.readTextList("d.txt")).toThrow(/d\.txt: is a web page, not the file/);
  expect(() => data.readTextList("e.txt")).toThrow(/e\.txt: is a Git LFS pointer, not the file/);
  expect(remarks.notes.map(({ first, text }) => [first, text])).toEqual([
    ["a.txt", "is not UTF-8 and was read as Windows-1252; save it as UTF-8 if that is wrong"],
    ["b.txt", "was read as UTF-16"],
  ]);
});
