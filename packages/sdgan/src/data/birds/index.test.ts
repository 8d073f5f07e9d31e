import { createHash } from "node:crypto";
import { UserError } from "@sdgan/core";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { Example, Source } from "../dataset.js";
import { type BirdsOptions, birds } from "./index.js";

describe("birds", () => {
  it("returns the same images and captions for the same seed, and others for another seed", async () => {
    expect(await contents({ seed: 3 })).toEqual(await contents({ seed: 3 }));
    expect(await contents({ seed: 3 })).not.toEqual(await contents({ seed: 4 }));
  });

  it("returns the same bytes on every machine", async () => {
    const hash = createHash("sha256")
      .update((await contents({})).flat().join("\n"))
      .digest("hex");
    expect(hash, "changed on purpose? then so does everybody's data").toBe(
      "a1dd22081c07038616a389d7edaabb19ad3bc3deb5b9a9f9628e28624eacb00c",
    );
  });

  it("returns the same bytes on every machine of the other kinds too, and says which they are", async () => {
    const kinds = { captions: "paraphrases", traits: "correlated" } as const;
    const hash = createHash("sha256")
      .update((await contents(kinds)).flat().join("\n"))
      .digest("hex");
    expect(hash, "changed on purpose? then so does everybody's data").toBe(
      "077b725d4265039f220733a92108d0df3c8a53597541b5c1c81e0ab425799670",
    );
    expect(birds(kinds).variant).toEqual(kinds);
    expect(birds({ traits: "correlated" }).variant).toEqual({ traits: "correlated" });
    expect(
      birds({ captions: "varied", species: 200, imagesPerSpecies: 40, seed: 0, size: 64 }),
    ).not.toHaveProperty("variant");
    expect(birds({ species: 8, imagesPerSpecies: 3, seed: 1 }).variant).toEqual({
      species: "8",
      images: "3",
      seed: "1",
    });
  });

  it("draws images that do not depend on the number of images", async () => {
    const few = await contents({ imagesPerSpecies: 1 });
    const more = await contents({ imagesPerSpecies: 3 });
    expect(few).toEqual(more.filter((_, i) => i % 3 === 0));
  });

  it("gives every image a unique id, and its species' attributes and split", async () => {
    const source = birds({ imagesPerSpecies: 2 });
    const examples = await collect(source);
    expect(source.classes).toHaveLength(200);
    expect(new Set(source.classes).size).toBe(200);
    expect(new Set(examples.map(({ id }) => id)).size).toBe(400);
    expect(classes(examples, "train")).toHaveLength(150);
    expect(classes(examples, "test")).toHaveLength(50);
    expect(new Set([...classes(examples, "train"), ...classes(examples, "test")]).size).toBe(200);
    for (let i = 0; i < examples.length; i += 2) {
      expect(examples[i]!.attributes).toEqual(examples[i + 1]!.attributes);
      expect(Object.keys(examples[i]!.attributes!)).toEqual(Object.keys(source.attributes!));
    }
  });

  it("can be rendered at any size, with light and dark pixels", async () => {
    const [example] = await collect(birds({ species: 4, imagesPerSpecies: 1 }));
    const svg = await example!.read();
    expect((await sharp(svg).metadata()).width).toBe(256);
    for (const size of [32, 256]) {
      const { data, info } = await sharp(svg).resize(size, size).raw().toBuffer({ resolveWithObject: true });
      const { channels, isOpaque } = await sharp(data, { raw: info }).stats();
      expect([info.width, info.height, isOpaque]).toEqual([size, size, true]);
      for (const { mean, stdev } of channels.slice(0, 3)) {
        expect(mean).toBeGreaterThan(60);
        expect(mean).toBeLessThan(230);
        expect(stdev).toBeGreaterThan(12);
      }
    }
  });

  it("draws every image differently", async () => {
    const images = await contents({ imagesPerSpecies: 5 });
    expect(new Set(images.map(([svg]) => svg)).size).toBe(30);
  });

  it("rejects options out of range", () => {
    expect(() => birds({ species: 3 })).toThrow(UserError);
    expect(() => birds({ species: 10_000 })).toThrow(/from 4 to 5000/);
    expect(() => birds({ imagesPerSpecies: 0 })).toThrow(/imagesPerSpecies is 0/);
    expect(() => birds({ size: 1.5 })).toThrow(/size is 1.5/);
  });
});

async function contents(options: BirdsOptions): Promise<string[][]> {
  const examples = await collect(birds({ species: 6, imagesPerSpecies: 2, ...options }));
  return Promise.all(
    examples.map(async ({ read, captions }) => [String(await read()), ...captions.map(({ text }) => text)]),
  );
}

async function collect(source: Source): Promise<Example[]> {
  const examples: Example[] = [];
  for await (const example of source.examples()) examples.push(example);
  return examples;
}

function classes(examples: Example[], split: string): number[] {
  return [...new Set(examples.filter((example) => example.split === split).map(({ classId }) => classId))];
}
