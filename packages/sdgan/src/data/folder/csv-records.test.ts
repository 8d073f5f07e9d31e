import { describe, expect, it } from "vitest";
import { CsvProblem, csvRecords } from "./csv-records.js";

const cellsOf = (text: string, separator = ",", quotes = true) =>
  csvRecords(text, { separator, quotes }).map(({ cells }) => cells);

describe("csvRecords", () => {
  it.each<[string, string, string[][]]>([
    [
      "plain cells",
      "a,b\nc,d\n",
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    ["no end of the last line", "a,b", [["a", "b"]]],
    ["an empty last cell", "a,", [["a", ""]]],
    ["any line ends", "a\r\nb\rc\n\n\r\nd", [["a"], ["b"], ["c"], ["d"]]],
    ["empty cells, but not empty rows", ",,\n \n", [["", "", ""]]],
    ["spaces around cells", " a ,\t b c \n", [["a", "b c"]]],
    [
      "quoted cells",
      '"a, ""b""","c\nd" , "e"\r\n"","f"',
      [
        ['a, "b"', "c\nd", "e"],
        ["", "f"],
      ],
    ],
    ["marks inside of a cell", 'a 5" screen,x\n', [['a 5" screen', "x"]]],
    ["a cell that continues after its marks", '"Stop" says a sign,x\n', [['"Stop" says a sign', "x"]]],
  ])("reads %s", (_, text, expected) => {
    expect(cellsOf(text)).toEqual(expected);
  });

  it("keeps empty cells between tabs", () => {
    expect(cellsOf("a\t\tb\n\tc \t", "\t")).toEqual([
      ["a", "", "b"],
      ["", "c", ""],
    ]);
  });

  it("reads marks as text if told to", () => {
    expect(cellsOf('"a\t"b"\n', "\t", false)).toEqual([['"a', '"b"']]);
  });

  it("numbers the lines on which rows begin", () => {
    const records = csvRecords('a\n\n"b\nb",x\n"c\rc"\nd', { separator: ",", quotes: true });
    expect(records.map(({ line }) => line)).toEqual([1, 3, 5, 7]);
  });

  it.each<[string, string]>([
    ["does not close", 'a\nb,"c\nd\n'],
    ["closes after a mebibyte", `a\nb,"${"c".repeat(2 ** 20 + 1)}"\n`],
  ])("rejects a mark that %s", (_, text) => {
    expect(() => cellsOf(text)).toThrow(CsvProblem);
    expect(() => cellsOf(text)).toThrow(/a quotation mark is not closed, on line \d or before/);
  });

  it("takes linear time", () => {
    const begin = performance.now();
    for (const part of ['"a" ,', '"a"b,', '""",', '"",', ",", "\n", '"\n",']) cellsOf(part.repeat(100_000));
    expect(performance.now() - begin).toBeLessThan(20_000);
  }, 60_000);
});
