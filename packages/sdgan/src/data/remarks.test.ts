import { expect, test } from "vitest";
import { Remarks } from "./remarks.js";

test("equal kinds and reasons are counted together, the most frequent first, with the first name", () => {
  const remarks = new Remarks();
  remarks.unused("a.bmp", "this format is not read");
  remarks.unused("b.HEIC", "this format is not read");
  remarks.unused("c.heic", "this format is not read");
  remarks.unused("c.heic", "this format is not read");
  remarks.unused("c.heic", "has no caption");
  remarks.unused("README", "is no image");
  remarks.unused("metadata.jsonl:3", "has no text", "row");
  expect(remarks.unusedGroups).toEqual([
    { unused: ".heic", count: 2, reason: "this format is not read", first: "b.HEIC" },
    { unused: ".bmp", count: 1, reason: "this format is not read", first: "a.bmp" },
    { unused: ".heic", count: 1, reason: "has no caption", first: "c.heic" },
    { unused: "no extension", count: 1, reason: "is no image", first: "README" },
    { unused: "row", count: 1, reason: "has no text", first: "metadata.jsonl:3" },
  ]);
});

test("notes are counted by their text", () => {
  const remarks = new Remarks();
  remarks.note("0.txt", "was read as UTF-16");
  remarks.note("1.txt", "was read as Windows-1252");
  remarks.note("2.txt", "was read as Windows-1252");
  expect(remarks.notes).toEqual([
    { text: "was read as Windows-1252", count: 2, first: "1.txt" },
    { text: "was read as UTF-16", count: 1, first: "0.txt" },
  ]);
});
