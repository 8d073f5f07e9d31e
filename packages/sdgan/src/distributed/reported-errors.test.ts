import { expect, it } from "vitest";
import { asReportedError, linesToPrint } from "./reported-errors.js";

const lost = (rank: number, by: number) => ({ line: `process ${by}: process ${rank} ended`, lost: rank });

it("a mistake that every process finds is printed by process 0 alone", () => {
  const mistake = { line: "no data" };
  expect(linesToPrint([mistake, mistake, mistake])).toEqual([]);
  expect(linesToPrint([undefined, mistake, mistake])).toEqual(["[process 1] no data"]);
});

it("an error of one process is printed with its number, and not what follows from it", () => {
  expect(linesToPrint([lost(2, 0), lost(2, 1), { line: "the disk is full" }])).toEqual([
    "[process 2] the disk is full",
  ]);
  expect(linesToPrint([{ line: "the disk is full" }, lost(0, 1), lost(1, 2)])).toEqual([]);
  expect(linesToPrint([undefined, lost(2, 1), { line: "no memory" }])).toEqual(["[process 2] no memory"]);
});

it("a process that ends without a word is named once", () => {
  expect(linesToPrint([undefined, lost(0, 1), lost(0, 2)])).toEqual([
    "[process 1] process 1: process 0 ended",
  ]);
  expect(linesToPrint([lost(2, 0), lost(2, 1), undefined])).toEqual([]);
  expect(linesToPrint([undefined, lost(2, 1), lost(1, 2)])).toEqual([
    "[process 1] process 1: process 2 ended",
  ]);
  expect(linesToPrint([lost(1, 0), undefined, lost(3, 2), undefined])).toEqual([
    "[process 2] process 2: process 3 ended",
  ]);
});

it("other messages are no errors", () => {
  expect(asReportedError({ line: "a" })).toEqual({ line: "a" });
  for (const message of [undefined, null, "line", 1, {}, { line: 1 }])
    expect(asReportedError(message)).toBeUndefined();
});
