import { parseHTML } from "linkedom";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { curvesOf, thinned } from "./curves.js";
import { dataUrl, heatOf, litBy } from "./image-data.js";
import { gridOf, pageOf, stripOf, tableOf } from "./page.js";

const read = (html: string) => parseHTML(`<html><body>${html}</body></html>`).document;
const words = (element: { textContent: string | null }) => element.textContent;

describe("the page", () => {
  it("escapes text", () => {
    const evil = `<script>alert("a & b")</script>`;
    const { document } = parseHTML(
      pageOf({
        title: evil,
        lead: evil,
        sections: [{ title: evil, about: evil, body: tableOf([[evil], [evil]]) }],
      }),
    );
    expect(document.querySelectorAll("script")).toHaveLength(0);
    expect([...document.querySelectorAll("h1, header p, h2, section p, th")].map(words)).toEqual(
      new Array(6).fill(evil),
    );
  });

  it("has a table with a header row, and bold cells", () => {
    const table = read(
      tableOf([
        ["variant", "score"],
        ["full", "**0.6 ± 0.1**"],
        ["base", "0.5"],
      ]),
    );
    expect([...table.querySelectorAll("thead th")].map(words)).toEqual(["variant", "score"]);
    expect([...table.querySelectorAll("tbody td")].map(words)).toEqual(["0.6 ± 0.1", "0.5"]);
    expect([...table.querySelectorAll("strong")].map(words)).toEqual(["0.6 ± 0.1"]);
  });

  it("has images with captions, and empty cells", () => {
    const shown = { image: "data:image/png;base64,AA==", caption: `a "red" bird` };
    const strip = read(stripOf([shown, { image: shown.image }]));
    expect([...strip.querySelectorAll("img")].map((image) => image.getAttribute("alt"))).toEqual([
      `a "red" bird`,
      "",
    ]);
    const grid = read(gridOf(["one", "two"], [{ title: "row", images: [undefined, shown] }]));
    expect(grid.querySelector("tbody th")!.getAttribute("dir")).toBe("auto");
    expect(grid.querySelector("figcaption")!.getAttribute("dir")).toBe("auto");
    expect([...grid.querySelectorAll("td")].map((cell) => cell.querySelectorAll("img").length)).toEqual([
      0, 1,
    ]);
    expect([...grid.querySelectorAll("th")].map(words)).toEqual(["", "one", "two", "row"]);
  });
});

describe("curves", () => {
  it("have one line each, in the same colour in every figure, and a legend for several lines", () => {
    const points = [
      { step: 1, value: 3 },
      { step: 2, value: 1 },
    ];
    const page = read(
      curvesOf([
        {
          title: "loss <1>",
          lines: [
            { name: "a", points },
            { name: "b", points },
          ],
        },
        { title: "other", lines: [{ name: "b", points }] },
      ]),
    );
    const figures = [...page.querySelectorAll("figure")];
    expect(figures.map((figure) => words(figure.querySelector("figcaption")!))).toEqual([
      "loss <1>",
      "other",
    ]);
    const strokes = figures.map((figure) =>
      [...figure.querySelectorAll('[aria-label="line"]')].map((line) => line.getAttribute("stroke")),
    );
    expect(strokes.map(({ length }) => length)).toEqual([2, 1]);
    expect(strokes[0]![0]).not.toBe(strokes[0]![1]);
    expect(strokes[1]![0]).toBe(strokes[0]![1]);
    expect([...page.querySelectorAll(".legend span")].map(words)).toEqual(["a", "b"]);
    expect(page.querySelectorAll("style, script")).toHaveLength(0);
  });

  it("are thinned to means of equal parts", () => {
    const points = Array.from({ length: 10 }, (_, i) => ({ step: i + 1, value: i % 2 }));
    expect(thinned(points, 5)).toEqual([1.5, 3.5, 5.5, 7.5, 9.5].map((step) => ({ step, value: 0.5 })));
    expect(thinned(points)).toEqual(points);
    expect(thinned([])).toEqual([]);
  });
});

describe("maps", () => {
  const white = { pixels: new Uint8Array(4 * 4 * 3).fill(250), size: 4 };

  it("scale the brightness of an image, from 0.2 where they are 0", () => {
    const { pixels } = litBy(white, { size: 2, values: Float32Array.of(0, 0.5, 0.25, 0) });
    const rows = Array.from({ length: 4 }, (_, row) =>
      Array.from({ length: 4 }, (_, column) => pixels[(row * 4 + column) * 3]),
    );
    expect(rows).toEqual([
      [50, 50, 250, 250],
      [50, 50, 250, 250],
      [150, 150, 50, 50],
      [150, 150, 50, 50],
    ]);
  });

  it("become brighter from 0 to the maximum, and are clamped there", () => {
    const { pixels, size } = heatOf({ size: 2, values: Float32Array.of(0, 1, 2, 4) }, 2);
    const sums = [0, 1, 2, 3].map((i) =>
      pixels.subarray(3 * i, 3 * i + 3).reduce((sum, value) => sum + value, 0),
    );
    expect(size).toBe(2);
    expect(sums[0]).toBeLessThan(sums[1]!);
    expect(sums[1]).toBeLessThan(sums[2]!);
    expect(sums[3]).toBe(sums[2]);
    expect([...heatOf({ size: 1, values: Float32Array.of(0) }, 0).pixels]).toEqual([
      ...pixels.subarray(0, 3),
    ]);
  });

  it("are encoded without loss", async () => {
    const [head, png] = (await dataUrl(white)).split(",");
    expect(head).toBe("data:image/png;base64");
    const { data } = await sharp(Buffer.from(png!, "base64")).raw().toBuffer({ resolveWithObject: true });
    expect(Uint8Array.from(data)).toEqual(white.pixels);
  });
});
