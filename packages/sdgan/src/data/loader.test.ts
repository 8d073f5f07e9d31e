import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Batch, makeBatch, withPixels } from "./batch.js";
import { example, mapped, sourceOf } from "./fixtures.js";
import { Loader } from "./loader.js";
import { PairLoader, type PairLoaderOptions } from "./pairs.js";
import { prepare } from "./prepare.js";
import { openPrepared, type Prepared } from "./prepared.js";

const SIZE = 16;
const STORED = 19;
const COUNT = 10;
let root: string;
let data: Prepared;
let single: Prepared;

/**
 * Image i has the red channel i and i % 3 + 1 captions, the last of them five words longer than the others.
 */
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "sdgan-loader-"));
  const examples = Array.from({ length: COUNT }, (_, i) => {
    const captions = Array.from({ length: (i % 3) + 1 }, (_, k) => ({ text: `image ${i} caption ${k}` }));
    captions.at(-1)!.text += " and some more words here";
    return example(String(i), () => mapped(i, STORED), captions);
  });
  const source = {
    ...sourceOf(examples.map((one, i) => ({ ...one, classId: i % 2 }))),
    classes: ["even", "odd"],
  };
  await prepare(source, { out: join(root, "data"), size: SIZE });
  data = openPrepared(join(root, "data"));
  await prepare(sourceOf(examples.slice(1, 2)), { out: join(root, "single"), size: SIZE });
  single = openPrepared(join(root, "single"));
});
afterAll(() => rmSync(root, { recursive: true }));

function options(changed: Partial<PairLoaderOptions> = {}): PairLoaderOptions {
  return { data, split: "train", batch: 4, maxWords: 6, crop: true, flip: true, seed: 1, ...changed };
}

/** The loader's next batch, with its images. */
function next(loader: Loader): Batch {
  return withPixels(loader.plan().branches[0], { data, split: "train" });
}

function nextPair(loader: PairLoader): { branches: [Batch, Batch]; same: Float32Array } {
  const { branches, same } = loader.plan();
  const [a, b] = branches.map((plan) => withPixels(plan, { data, split: "train" })) as [Batch, Batch];
  return { branches: [a, b], same };
}

/** The window of its image that sample `b` shows, read from `mapped` pixels; checks all its pixels. */
function windowOf(
  { pixels, size }: Batch,
  b: number,
): { red: number; left: number; top: number; flip: boolean } {
  const at = (x: number, y: number) => [
    ...pixels.subarray((b * size * size + y * size + x) * 3).subarray(0, 3),
  ];
  const [red, x0, y0] = at(0, 0) as [number, number, number];
  const flip = at(1, 0)[1]! < x0;
  const expected = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++)
      expected.set([red, x0 + (flip ? -10 : 10) * x, y0 + 10 * y], (y * size + x) * 3);
  }
  expect(Buffer.compare(expected, pixels.subarray(b * expected.length, (b + 1) * expected.length))).toBe(0);
  return { red, left: (flip ? x0 - 10 * (size - 1) : x0) / 10, top: y0 / 10, flip };
}

/** Whether `part` is a subsequence of `whole`. */
function isWithin(part: number[], whole: number[]): boolean {
  let next = 0;
  for (const value of whole) if (value === part[next]) next++;
  return next === part.length;
}

describe("makeBatch", () => {
  it("combines the centres of the images and the first words", () => {
    const batch = makeBatch(
      [
        { image: 3, caption: 0 },
        { image: 2, caption: 1 },
      ],
      { data, split: "train", maxWords: 6 },
    );
    const encode = (text: string) => data.vocabulary.encode(text);
    expect([...batch.tokens]).toEqual([
      ...encode("image 3 caption 0 and some"),
      ...encode("image 2 caption 1"),
      0,
      0,
    ]);
    expect([...batch.lengths]).toEqual([6, 4]);
    expect([...batch.classIds]).toEqual([1, 0]);
    expect([...batch.images]).toEqual([3, 2]);
    expect([...batch.captions]).toEqual([0, 1]);
    expect(batch.size).toBe(SIZE);
    expect(batch.pixels).toHaveLength(2 * SIZE * SIZE * 3);
    expect(windowOf(batch, 0)).toEqual({ red: 3, left: 1, top: 1, flip: false });
    expect(windowOf(batch, 1)).toEqual({ red: 2, left: 1, top: 1, flip: false });
  });
});

describe("Loader", () => {
  it("returns every image once per epoch, in a different order each time, in full batches", () => {
    const loader = new Loader(options());
    const epochs = Array.from({ length: 2 * COUNT }, () => next(loader))
      .flatMap(({ images }) => [...images])
      .reduce<number[][]>((all, image, i) => {
        if (i % COUNT === 0) all.push([]);
        all.at(-1)!.push(image);
        return all;
      }, []);
    expect(epochs).toHaveLength(8);
    expect(loader.epoch).toBe(7);
    for (const epoch of epochs) expect([...epoch].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(epochs.map(String)).size).toBe(8);
  });

  it("crops and mirrors at random if enabled, and keeps images and captions together", () => {
    const loader = new Loader(options({ batch: 25 }));
    const seen = {
      left: new Set(),
      top: new Set(),
      flip: new Set(),
      captions: new Set(),
      lengths: new Set(),
    };
    for (let n = 0; n < 8; n++) {
      const batch = next(loader);
      for (const [b, image] of batch.images.entries()) {
        const { red, left, top, flip } = windowOf(batch, b);
        expect(red).toBe(image);
        const T = batch.tokens.length / 25;
        const [length, caption] = [batch.lengths[b]!, batch.captions[b]!];
        const row = [...batch.tokens.subarray(b * T, (b + 1) * T)];
        const all = data.splits.train.images.at(image).captions[caption]!.tokens;
        expect(isWithin(row.slice(0, length), all)).toBe(true);
        expect(row.slice(length).every((token) => token === 0)).toBe(true);
        for (const [key, value] of Object.entries({ left, top, flip, lengths: length }))
          seen[key as "left"].add(value);
        seen.captions.add(`${image}/${caption}`);
      }
    }
    expect([...seen.left].sort()).toEqual([0, 1, 2, 3]);
    expect([...seen.top].sort()).toEqual([0, 1, 2, 3]);
    expect(seen.flip.size).toBe(2);
    expect([...seen.lengths].sort()).toEqual([4, 6]);
    expect(seen.captions.size).toBe(19);
    const plain = next(new Loader(options({ crop: false, flip: false })));
    expect(windowOf(plain, 2)).toMatchObject({ left: 1, top: 1, flip: false });
  });

  it("repeats images if there are fewer than in a batch", () => {
    const { branches } = new Loader(options({ data: single, batch: 3 })).plan();
    expect([...branches[0].images]).toEqual([0, 0, 0]);
  });

  it("returns the same batches for the same seed, and others for another seed", () => {
    const [a, b, c] = [1, 1, 2].map((seed) => new Loader(options({ seed })));
    const batches = [a, b, c].map((loader) => Array.from({ length: 9 }, () => next(loader!)));
    expect(batches[1]).toEqual(batches[0]);
    expect(batches[2]).not.toEqual(batches[0]);
  });

  it("continues from a saved state with exactly the same batches", () => {
    for (const before of [0, 1, 5, 8]) {
      const loader = new Loader(options());
      for (let n = 0; n < before; n++) next(loader);
      const state = JSON.parse(JSON.stringify(loader.state()));
      const restored = new Loader(options({ seed: 99 }));
      next(restored);
      restored.restore(state);
      for (let n = 0; n < 7; n++) expect(next(restored)).toEqual(next(loader));
    }
  });

  it("rejects the state of other data, and data without images", () => {
    const state = new Loader(options({ data: single })).state();
    expect(() => new Loader(options()).restore(state)).toThrow(
      /trained on data with 1 images; this data has 10/,
    );
    expect(() => new Loader(options({ split: "test" }))).toThrow(/no training images/);
  });
});

describe("PairLoader", () => {
  it("pairs different captions of one image, and different images, half and half", () => {
    const loader = new PairLoader(options({ batch: 6 }));
    const firsts: number[] = [];
    const patterns = new Set<string>();
    for (let n = 0; n < 50; n++) {
      const { branches, same } = nextPair(loader);
      const [a, b] = branches;
      expect([...same].reduce((sum, y) => sum + y)).toBe(3);
      patterns.add(String(same));
      firsts.push(...a.images);
      for (const [i, y] of same.entries()) {
        expect(windowOf(a, i).red).toBe(a.images[i]);
        expect(windowOf(b, i).red).toBe(b.images[i]);
        if (y === 0) expect(b.images[i]).not.toBe(a.images[i]);
        else {
          expect(b.images[i]).toBe(a.images[i]);
          const only = a.images[i]! % 3 === 0;
          expect(b.captions[i] === a.captions[i]).toBe(only);
        }
      }
    }
    expect(patterns.size).toBeGreaterThan(15);
    for (let epoch = 0; epoch < 30; epoch++) {
      expect(firsts.slice(epoch * COUNT, (epoch + 1) * COUNT).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(loader.epoch).toBe(29);
  });

  it.each([
    [0, 4, 0],
    [1, 4, 4],
    [0.25, 4, 1],
    [0.5, 5, 3],
  ])("makes a share of %f of %i pairs alike: %i", (shareSame, batch, expected) => {
    const { same } = new PairLoader(options({ batch, shareSame })).plan();
    expect(same).toHaveLength(batch);
    expect([...same].filter((y) => y === 1)).toHaveLength(expected);
  });

  it("continues from a saved state with exactly the same pairs", () => {
    const loader = new PairLoader(options());
    for (let n = 0; n < 6; n++) nextPair(loader);
    const restored = new PairLoader(options({ seed: 5 }));
    restored.restore(JSON.parse(JSON.stringify(loader.state())));
    for (let n = 0; n < 6; n++) expect(nextPair(restored)).toEqual(nextPair(loader));
  });

  it("rejects data with one image, unless all pairs are of the same image", () => {
    expect(() => new PairLoader(options({ data: single }))).toThrow(
      /pairs of different images need at least two/,
    );
    expect([...new PairLoader(options({ data: single, shareSame: 1 })).plan().same]).toEqual([1, 1, 1, 1]);
  });
});

describe("PairLoader across languages", () => {
  let languages: Prepared;
  let oneLanguage: Prepared;

  /** Image 0 has three languages, image 1 two and a caption without one, image 2 English and its British variant. */
  const spoken = [
    ["en", "en", "zh", "zh-Hant"],
    ["en-GB", "de", undefined],
    ["en", "en-GB", "en"],
  ];
  beforeAll(async () => {
    const source = (tags: (string | undefined)[][]) =>
      sourceOf(
        tags.map((own, i) => {
          const captions = own.map((language, k) => ({ text: `image ${i} caption ${k}`, language }));
          const plain = captions.map(({ text, language }) => (language ? { text, language } : { text }));
          return example(String(i), () => mapped(i, STORED), plain);
        }),
      );
    await prepare(source(spoken), { out: join(root, "languages"), size: SIZE, val: 0 });
    languages = openPrepared(join(root, "languages"));
    await prepare(source([["en", "en"], ["de"], ["en-GB", "en"]]), {
      ...{ out: join(root, "one-language"), size: SIZE, val: 0 },
    });
    oneLanguage = openPrepared(join(root, "one-language"));
  });

  const across = (changed: Partial<PairLoaderOptions> = {}) =>
    new PairLoader(options({ data: languages, acrossLanguages: true, shareSame: 1, ...changed }));

  /** The pairs of captions' indices that the loader chooses for each image, as "first second". */
  const pairsOf = (loader: PairLoader) => {
    const pairs = languages.splits.train.images.length;
    const seen = Array.from({ length: pairs }, () => new Set<string>());
    for (let n = 0; n < 300; n++) {
      const [a, b] = loader.plan().branches;
      for (const [i, image] of a.images.entries()) {
        expect(b.images[i]).toBe(image);
        seen[Number(languages.splits.train.images.at(image).id)]!.add(`${a.captions[i]} ${b.captions[i]}`);
      }
    }
    return seen.map((own) => [...own].sort());
  };

  it("pairs captions of one image in two languages, all that there are", () => {
    expect(pairsOf(across())[0]).toEqual([
      "0 2",
      "0 3",
      "1 2",
      "1 3",
      "2 0",
      "2 1",
      "2 3",
      "3 0",
      "3 1",
      "3 2",
    ]);
  });

  it("pairs as without the option where the first caption has no language, or its image no other", () => {
    expect(pairsOf(across())[1]).toEqual(["0 1", "1 0", "2 0", "2 1"]);
    expect(pairsOf(across())[2]).toEqual(["0 1", "0 2", "1 0", "1 2", "2 0", "2 1"]);
  });

  it("continues from a saved state with exactly the same pairs, and differs from the default", () => {
    const loader = across({ shareSame: 0.5 });
    for (let n = 0; n < 6; n++) loader.plan();
    const restored = across({ shareSame: 0.5, seed: 5 });
    restored.restore(JSON.parse(JSON.stringify(loader.state())));
    for (let n = 0; n < 6; n++) expect(restored.plan()).toEqual(loader.plan());
    expect(pairsOf(across())).toEqual(pairsOf(across()));
    expect(pairsOf(across({ acrossLanguages: false }))).not.toEqual(pairsOf(across()));
  });

  it("rejects data without captions of one image in two languages", () => {
    expect(() => across({ data })).toThrow(
      /no caption has a language.*sdgan prepare emoji --languages en,de/,
    );
    expect(() => across({ data: oneLanguage })).toThrow(
      /no training image has captions in two of its languages \(de, en\)/,
    );
  });
});
