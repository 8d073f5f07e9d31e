import { expect, test } from "vitest";
import { decodeText } from "./decode-text.js";

const sentence = "a café bird, “red” – and more";

test("UTF-8, with and without a byte order mark", () => {
  expect(decodeText(Buffer.from(sentence))).toEqual({ text: sentence });
  expect(decodeText(Buffer.from(`\ufeff${sentence}`))).toEqual({ text: sentence });
  expect(decodeText(Buffer.alloc(0))).toEqual({ text: "" });
});

test("UTF-16 of both byte orders, with and without a byte order mark", () => {
  const little = (text: string) => Buffer.from(text, "utf16le");
  for (const encoded of [`\ufeff${sentence}`, sentence])
    for (const bytes of [little(encoded), little(encoded).swap16()])
      expect(decodeText(bytes)).toEqual({ text: sentence, note: "was read as UTF-16" });
  expect(decodeText(little("\ufeff红色的鸟")).text).toBe("红色的鸟");
});

test("Windows-1252 is recognized because it is not UTF-8", () => {
  const bytes = Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x20, 0x93, 0x72, 0x65, 0x64, 0x94, 0x20, 0x96]);
  expect(decodeText(bytes)).toEqual({
    text: "café “red” –",
    note: "is not UTF-8 and was read as Windows-1252; save it as UTF-8 if that is wrong",
  });
});

test("the bytes of another kind of file keep their zeros, so that they are not taken for text", () => {
  const png = Buffer.from("89504e470d0a1a0a0000000d49484452000000400000004008020000", "hex");
  expect(decodeText(png).text).toContain("\0");
  expect(decodeText(Buffer.alloc(64)).text).toContain("\0");
});
