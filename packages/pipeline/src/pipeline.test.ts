import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { readTexts, UserError, visible } from "@sdgan/core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pipeline, type TextToImage } from "./node.js";
import { int, ints, modelFile, node, tensor } from "./testing/onnx-file.js";
import { serve } from "./testing/server.js";
import {
  type Files,
  sizes,
  textEncoder,
  textInputs,
  textOutputs,
  tinyModel,
  vocabulary,
} from "./testing/tiny-model.js";

let folder: string;
let files: Files;
let generate: TextToImage;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-pipeline-"));
  files = await tinyModel();
  write("tiny", files);
  generate = await pipeline("text-to-image", join(folder, "tiny"));
});
afterAll(async () => {
  await generate.dispose();
  rmSync(folder, { recursive: true });
});

function write(name: string, files: Files): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, bytes] of Object.entries(files)) writeFileSync(join(path, file), bytes);
  return path;
}

describe("generate", () => {
  it("returns an image of the last stage, which depends on prompt, seed and number only", async () => {
    const images = await generate(["a red bird", "black wings"], { seed: 7, count: 2 });
    expect(images.map(({ prompt, seed, number, size }) => [prompt, seed, number, size])).toEqual([
      ["a red bird", 7, 1, 16],
      ["a red bird", 7, 2, 16],
      ["black wings", 7, 1, 16],
      ["black wings", 7, 2, 16],
    ]);
    expect(images.map(({ pixels }) => pixels.length)).toEqual([768, 768, 768, 768]);
    expect(new Set(images.map(({ pixels }) => pixels.join())).size).toBe(4);
    const [alone] = await generate("Black   WINGS!", { seed: 7 });
    expect(alone!.pixels).toEqual(images[2]!.pixels);
    const [other] = await generate("black wings", { seed: 8 });
    expect(other!.pixels).not.toEqual(alone!.pixels);
  });

  it("begins with the image whose number is asked for", async () => {
    const all = await generate("a red bird", { seed: 7, count: 5 });
    const some = await generate("a red bird", { seed: 7, first: 3, count: 2 });
    expect(some.map(({ number, pixels }) => [number, pixels])).toEqual(
      all.slice(2, 4).map(({ number, pixels }) => [number, pixels]),
    );
  });

  it("returns every stage and the attention to each word if asked", async () => {
    const [image] = await generate("a red bird", { stages: true, attention: true });
    expect(image!.stages.map(({ size, pixels }) => [size, pixels.length])).toEqual([
      [8, 192],
      [16, 768],
    ]);
    expect(image!.stages.at(-1)).toBe(image);
    const { size, words } = image!.attention[0]!;
    expect([size, words.map(({ word }) => word)]).toEqual([8, ["a", "red", "bird"]]);
    for (let place = 0; place < 64; place++)
      expect(words.reduce((sum, { weights }) => sum + weights[place]!, 0)).toBeCloseTo(1, 5);
    const [plain] = await generate("a red bird");
    expect([plain!.stages.length, plain!.attention.length, plain!.pixels]).toEqual([1, 0, image!.pixels]);
  });

  it("generates images in a batch that are those alone, up to 1 of 255", async () => {
    const requests = [
      { prompt: "bird", seed: 3 },
      { prompt: "a small red bird with black", seed: 4, number: 2 },
      { prompt: "black wings", seed: 3, number: 5 },
    ];
    const images = await generate.batch(requests, { stages: true, attention: true, modulation: true });
    for (const [i, { prompt, seed, number = 1 }] of requests.entries()) {
      const alone = (
        await generate(prompt, {
          ...{ seed, count: number },
          stages: true,
          attention: true,
          modulation: true,
        })
      ).at(-1)!;
      const together = images[i]!;
      expect([together.prompt, together.seed, together.number]).toEqual([prompt, seed, number]);
      for (const [s, stage] of alone.stages.entries()) {
        const found = together.stages[s]!.pixels;
        expect(Math.max(...stage.pixels.map((value, at) => Math.abs(value - found[at]!)))).toBeLessThan(2);
      }
      expect(together.attention[0]!.words.map(({ word }) => word)).toEqual(
        alone.attention[0]!.words.map(({ word }) => word),
      );
      for (const [w, { weights }] of alone.attention[0]!.words.entries())
        expect(weights[9]).toBeCloseTo(together.attention[0]!.words[w]!.weights[9]!, 5);
      for (const [m, { size, values }] of alone.modulation.entries()) {
        expect(together.modulation[m]!.size).toBe(size);
        expect(together.modulation[m]!.values.at(-1)).toBeCloseTo(values.at(-1)!, 5);
      }
    }
    expect(await generate.batch([])).toEqual([]);
    await expect(generate.batch([{ prompt: "bird" }, { prompt: "xyzzy" }])).rejects.toMatchObject({
      code: "caption.unknown-words",
    });
    await expect(generate.batch([{ prompt: "bird", number: 0 }])).rejects.toMatchObject({ code: "usage" });
  });

  it("goes from one image to another", async () => {
    const [first] = await generate("a red bird", { seed: 3 });
    const [last] = await generate("black wings and a tail", { seed: 4 });
    const ends = [
      { prompt: "a red bird", seed: 3 },
      { prompt: "black wings and a tail", seed: 4 },
    ] as const;
    const seen: number[] = [];
    const way = await generate.between(...ends, {
      at: [0, 0.25, 0.5, 1],
      stages: true,
      onProgress: ({ done }) => seen.push(done),
    });
    expect(seen).toEqual([1, 2, 3, 4]);
    expect([way[0]!.pixels, way[3]!.pixels]).toEqual([first!.pixels, last!.pixels]);
    expect(new Set(way.map(({ pixels }) => pixels.join())).size).toBe(4);
    expect(way[1]!.stages.map(({ size }) => size)).toEqual([8, 16]);
    expect([way[1]!.prompt, way[1]!.seed, way[3]!.seed]).toEqual([
      "a red bird → black wings and a tail",
      3,
      4,
    ]);
    await expect(generate.between(...ends, { at: [1.5] })).rejects.toThrow("expected 0 to 1");
    await expect(generate.between(ends[0], { prompt: "xyzzy" }, { at: [0] })).rejects.toThrow("no word");
    const signal = AbortSignal.abort(new Error("moved on"));
    await expect(generate.between(...ends, { at: [0], signal })).rejects.toThrow("moved on");
  });

  it("reports the words that did not affect the image", async () => {
    const [image] = await generate("a mauve red bird with black wings and a tail");
    expect(image!.ignored).toEqual({ unknown: ["mauve"], beyond: ["and", "a", "tail"], lost: [] });
    expect(generate.read("a mauve bird").unknown).toEqual(["mauve"]);
    expect(generate.words).toContain("wings");
  });

  it("reports progress, and ends between two images when its signal says so", async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ done, total }: { done: number; total: number }) => {
      seen.push(done, total);
      if (done === 2) stop.abort(new Error("typed on"));
    };
    await expect(generate("bird", { count: 5, signal: stop.signal, onProgress })).rejects.toThrow("typed on");
    expect(seen).toEqual([1, 5, 2, 5]);
    await expect(generate("bird", { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it("lets timers run between two images", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    await generate("bird", { count: 200 });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(10);
  });

  it("answers calls in their order", async () => {
    const order: string[] = [];
    await Promise.all(
      ["red", "black", "small"].map(async (prompt) => {
        await generate(prompt, { count: prompt === "red" ? 9 : 1 });
        order.push(prompt);
      }),
    );
    expect(order).toEqual(["red", "black", "small"]);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ["a prompt without a known word", () => generate(["bird", "xyzzy"]), "caption.unknown-words"],
    ["an empty prompt", () => generate(" "), "caption.empty"],
    ["a prompt that is no text", () => generate(7 as never), "usage"],
    ["a seed below 0", () => generate("bird", { seed: -1 }), "usage"],
    ["a fractional count", () => generate("bird", { count: 1.5 }), "usage"],
    ["an image before the first", () => generate("bird", { first: 0 }), "usage"],
    ["another task", () => pipeline("image-to-text" as never, folder), "usage"],
    ["no model", () => pipeline("text-to-image", ""), "usage"],
    [
      "a device that Node lacks",
      () => pipeline("text-to-image", join(folder, "tiny"), { device: "webgpu" }),
      "device.unavailable",
    ],
  ])("refuses %s", async (_, work, code) => {
    await expect(work()).rejects.toThrow(UserError);
    await expect(work()).rejects.toMatchObject({ code });
  });

  it("is refused after dispose", async () => {
    const own = await pipeline("text-to-image", join(folder, "tiny"), { threads: 1 });
    const running = own("bird");
    await own.dispose();
    expect(await running).toHaveLength(1);
    await own.dispose();
    await expect(own("bird")).rejects.toThrow("disposed");
  });
});

describe("an image", () => {
  it("becomes a PNG with prompt, seed and model", async () => {
    const [image] = await generate("a red bird 🐦", { seed: 3, stages: true });
    const png = await image!.toPng();
    expect(readTexts(png)).toEqual({
      ...{ Description: "a red bird 🐦", Software: "sdgan", Seed: "3", Number: "1" },
      Model: expect.stringMatching(/^tiny, generator [0-9a-f]{8}$/),
    });
    const { data, info } = await sharp(png, { failOn: "warning" })
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([16, 16, 3]);
    expect(Uint8Array.from(data)).toEqual(image!.pixels);
    const blob = await image!.toBlob();
    expect([blob.type, new Uint8Array(await blob.arrayBuffer())]).toEqual(["image/png", png]);
    const [unknown] = await generate("a mauve bird");
    expect(readTexts(await unknown!.toPng()).Ignored).toMatch(
      /does not know these words and ignores them: mauve/,
    );
  });

  it("becomes RGBA, and a canvas only where there is one", async () => {
    const [image] = await generate("a red bird");
    const rgba = image!.toRgba();
    expect([...rgba.subarray(4, 8)]).toEqual([...image!.pixels.subarray(3, 6), 255]);
    expect(() => image!.toCanvas()).toThrow(/no canvases here/);
  });
});

describe("a model that the runtime cannot run", () => {
  const ports = [...textInputs, ...textOutputs];
  const sentence = node("ReduceMean", ["words"], ["sentence"], {
    attributes: [ints("axes", [2]), int("keepdims", 0)],
  });
  const rows = (count: number) => [
    tensor("table", [count, sizes.text], new Float32Array(count * sizes.text)),
    node("Gather", ["table", "tokens"], ["rows"]),
  ];
  const transposed = (to: string) =>
    node("Transpose", ["rows"], [to], { attributes: [ints("perm", [0, 2, 1])] });
  const all = vocabulary.size;

  it.each<[string, Uint8Array, string]>([
    ["an unknown operator", textEncoder([node("Bogus", ["tokens"], ["q"])]), "cannot be loaded"],
    [
      "fewer words than the vocabulary",
      modelFile([...rows(2), transposed("words"), sentence, ...ports]),
      "cannot be run",
    ],
    [
      "another number of words than the prompt",
      modelFile([
        ...rows(all),
        transposed("once"),
        node("Concat", ["once", "once"], ["words"], { attributes: [int("axis", 2)] }),
        sentence,
        ...ports,
      ]),
      "has the shape [1, 5, 4], not [1, 5, 2]",
    ],
  ])("is refused in one line: %s", async (what, network, found) => {
    const model = write(what, await tinyModel({ textEncoder: network }));
    const error = await pipeline("text-to-image", model)
      .then((generate) => generate("black wings"))
      .catch((error) => error);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ code: "model.invalid", message: expect.stringContaining(found) });
    expect(error.message).toBe(visible(error.message));
  });
});

describe("a model is found", () => {
  it("in a folder, by a file URL, and by an HTTP URL, with the same image", async () => {
    const server = await serve([folder]);
    try {
      const loaded: number[] = [];
      const total = ["text-encoder.onnx", "generator.onnx", "vocabulary.json"].reduce(
        (sum, name) => sum + files[name]!.length,
        0,
      );
      const models = [
        await pipeline("text-to-image", pathToFileURL(join(folder, "tiny"))),
        await pipeline("text-to-image", `${server.url}tiny`, {
          onProgress: (progress) => loaded.push(progress.loaded / progress.total),
        }),
        await pipeline("text-to-image", new URL("tiny/", server.url)),
      ];
      expect(loaded.at(-1)).toBe(1);
      expect(total).toBeGreaterThan(0);
      const [expected] = await generate("a red bird", { seed: 5 });
      for (const model of models) {
        expect((await model("a red bird", { seed: 5 }))[0]!.pixels).toEqual(expected!.pixels);
        expect(model.model.sizes).toEqual(sizes);
        await model.dispose();
      }
    } finally {
      await server.close();
    }
  });

  it("with links instead of files", async () => {
    const linked = join(folder, "linked");
    mkdirSync(linked);
    for (const name of Object.keys(files)) symlinkSync(join(folder, "tiny", name), join(linked, name));
    await (await pipeline("text-to-image", linked)).dispose();
  });

  it.each(["model.json", "generator.onnx", "vocabulary.json"])(
    "but not with a pipe, a folder, a device or a huge file as %s",
    async (name) => {
      const broken = write(`broken-${name}`, files);
      const path = join(broken, name);
      const put: Record<string, () => void> = {
        pipe: () => execFileSync("mkfifo", [path]),
        folder: () => mkdirSync(path),
        device: () => symlinkSync("/dev/zero", path),
        huge: () => {
          writeFileSync(path, "");
          truncateSync(path, 2 ** 40);
        },
        dangling: () => symlinkSync("nowhere", path),
      };
      for (const [kind, make] of Object.entries(put)) {
        rmSync(path, { recursive: true });
        make();
        const error = await pipeline("text-to-image", broken).catch((error) => error);
        expect(error, kind).toBeInstanceOf(UserError);
        expect(error.message).toMatch(
          kind === "huge"
            ? /1099511627776 bytes, more than/
            : kind === "dangling"
              ? /there is no such file/
              : /is not a regular file/,
        );
      }
    },
  );

  it("but not beyond the limit of bytes", async () => {
    const load = pipeline("text-to-image", join(folder, "tiny"), { maxBytes: 1000 });
    await expect(load).rejects.toThrow(/a model of \d+ bytes, more than the limit of 1000/);
  });

  it("in the box by its name, also from another folder's packages", async () => {
    const project = join(folder, "project");
    const box = join(project, "node_modules/@sdgan/models");
    write("project/node_modules/@sdgan/models/boxed", files);
    writeFileSync(join(box, "package.json"), '{ "name": "@sdgan/models", "version": "0.1.0" }');
    const before = process.cwd();
    process.chdir(project);
    try {
      const boxed = await pipeline("text-to-image", "boxed");
      expect(boxed.model.name).toBe("tiny");
      await boxed.dispose();
      await expect(pipeline("text-to-image", "nothing-of-this-name")).rejects.toMatchObject({
        ...{
          code: "file.missing",
          message: expect.stringMatching(/has no model "nothing-of-this-name".* Its models: \w/),
        },
      });
    } finally {
      process.chdir(before);
    }
  });

  it.each<[string, string]>([
    ["a missing folder", "./nowhere"],
    ["a name that leaves the box", "../models"],
    ["a name with a NUL", "tiny\0"],
    ["a name of control characters", "./\x1b[2J\n"],
    ["a URL of no server", "http://127.0.0.1:9/tiny"],
    ["a broken URL", "http://[/tiny"],
  ])("refuses %s in one line", async (_, model) => {
    const error = await pipeline("text-to-image", model).catch((error) => error);
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toMatch(/^[ -~“”…]+$/);
  });
});
