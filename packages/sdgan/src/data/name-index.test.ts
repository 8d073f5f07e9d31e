import { expect, test } from "vitest";
import { NameIndex, pairNearlyEqual } from "./name-index.js";

const nfc = "caf\u00e9.jpg";
const nfd = "cafe\u0301.jpg";

test("an equal name is found first, then one in another normal form, then one in other case", () => {
  const names = new NameIndex([nfd, "A.jpg", "b.JPG", "b.jpg"]);
  expect(names.find(nfd)).toEqual({ name: nfd });
  expect(names.find(nfc)).toEqual({ name: nfd, note: expect.stringContaining("Unicode") });
  expect(names.find("a.JPG")).toEqual({ name: "A.jpg", note: expect.stringContaining("case") });
  expect(names.find("CAF\u00c9.jpg")).toEqual({ name: nfd, note: expect.stringContaining("case") });
  expect(names.find("b.jpg")).toEqual({ name: "b.jpg" });
});

test("nothing is found where several names fit", () => {
  expect(new NameIndex(["b.JPG", "b.jpg"]).find("B.jpg")).toBeUndefined();
  expect(new NameIndex(["\u1ec7", "e\u0323\u0302"]).find("\u1eb9\u0302")).toBeUndefined();
  expect(new NameIndex(["a"]).find("b")).toBeUndefined();
});

test("names are paired only where each is the only one for the other", () => {
  const pairs = pairNearlyEqual(["IMG_0", nfc, "x", "X", "lonely"], ["img_0", nfd, "x1", "\u0078"]);
  expect([...pairs].map(([name, found]) => [name, found.name])).toEqual([
    ["IMG_0", "img_0"],
    [nfc, nfd],
    ["x", "x"],
  ]);
  expect(pairNearlyEqual(["Ab", "aB"], ["ab"]).size).toBe(0);
});
