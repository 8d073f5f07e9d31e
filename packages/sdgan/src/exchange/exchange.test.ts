import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  full,
  loadPytorch,
  loadSafetensors,
  manualSeed,
  noGrad,
  saveSafetensors,
  stateDictOf,
  type Tensor,
} from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeGenerator } from "../artifacts/model.js";
import { stateUnder } from "../artifacts/tensor-file.js";
import { loadConfig } from "../config/load.js";
import { example, mapped, sourceOf } from "../data/fixtures.js";
import { prepare } from "../data/prepare.js";
import { ImageGenerator } from "../generation/image-generator.js";
import { attnganImageEncoderName, attnganState } from "../models/attngan-names.js";
import { InceptionImageEncoder } from "../models/inception-image-encoder.js";
import { TextEncoder } from "../models/text-encoder.js";
import { readMetrics } from "../run/metrics.js";
import { golden, goldenPath } from "../testing/golden.js";
import { expectImage, trajectorySizes } from "../testing/trajectory.js";
import { train } from "../training/train.js";
import { exportOnnxModel } from "./export-onnx.js";
import { exportRun } from "./export-run.js";
import { importAttngan } from "./import-attngan.js";
import { importWeights } from "./import-weights.js";

/** Small networks of AttnGAN, as its published code and PyTorch write them. */
const published = golden("attngan-trajectory");
const { generator: sizes, discriminatorWidth, images: imageSizes } = trajectorySizes(published);
const { stages, textWidth, residualBlocks, width, condition } = sizes;
const checkpoint = goldenPath("pth/text_encoder.pth");
const [WORDS, embedding] = stateDictOf(loadPytorch(checkpoint)).get("encoder.weight")!.shape as [
  number,
  number,
];

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const files = () => [at("netG_epoch_600.safetensors"), at("text_encoder200.pth"), at("captions.pickle")];
const discriminators = () => imageSizes.map((_, i) => at(`netD${i}.safetensors`));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "exchange-"));
  saveSafetensors(files()[0]!, published.below("G."));
  for (const [i, path] of discriminators().entries()) saveSafetensors(path, published.below(`D${i}.`));
  writeTextEncoder(files()[1]!);
  writeFileSync(files()[2]!, captionsPickle(WORDS));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("AttnGAN's weights", () => {
  it("become a run that generates the same images as the published code, whatever the order of the files", () => {
    const [generator, text, captions] = files();
    const imported = importAttngan({
      files: [...discriminators().reverse(), captions!, text!, generator!],
      run: at("run"),
      config: "cub",
    });
    expect(imported.config.generator).toMatchObject({
      ...{ width, stages, firstSize: sizes.firstSize, residualBlocks, noise: sizes.noise, condition },
      scbn: sizes.scbn,
    });
    expect(imported.config).toMatchObject({
      text: { embedding, width: textWidth },
      discriminator: { width: discriminatorWidth },
    });
    expect(imported.networks.map(({ role }) => role)).toEqual([
      ...["generator", "text"],
      ...imageSizes.map(() => "discriminator"),
    ]);

    const own = makeGenerator(loadConfig(at("run", "config.yaml")));
    own.loadStateDict(stateUnder(loadSafetensors(at("run", "model.safetensors")).tensors, "generator"));
    const input = (name: string) => published.get(`step0.${name}`);
    const words = input("words");
    const read = { words, sentence: input("sentence"), mask: published.mask(words, "step0.lengths") };
    const { images } = noGrad(() => own.forward(input("z"), read, input("eps")));
    expectImage(published, images[0]!);

    const imageGenerator = new ImageGenerator(at("run"), { precision: "float32" });
    const [generated] = imageGenerator.generate([`word1 word${WORDS - 1} and others`]);
    expect(generated!.stages.map(({ size }) => size)).toEqual(imageSizes);
    expect(imageGenerator.checkpoint.step).toBe(0);
  });

  it("are exported to ONNX with the same images", async () => {
    const { manifest, comparison } = await exportOnnxModel({ run: at("run"), out: at("onnx") });
    expect(comparison.captions).toBe(32);
    expect(Math.max(...comparison.differences.values())).toBeLessThan(1e-4);
    expect(manifest).toMatchObject({
      ...{ license: "NOASSERTION", tokenizer: "attngan" },
      networks: { generator: { images: imageSizes.map((size) => `image_${size}`), gammas: [], betas: [] } },
      training: { data: "unknown", steps: 0, commands: [] },
    });
  });

  it("are exported as they were imported", () => {
    writeFileSync(at("run", "LICENSES.txt"), "by somebody");
    const { files: written } = exportRun(at("run"), at("out"));
    expect(readFileSync(at("out", "LICENSES.txt"), "utf8")).toBe("by somebody");
    expect(written).toEqual(
      ["netG", "text_encoder", ...imageSizes.map((_, i) => `netD${i}`)].map((name) => `${name}.safetensors`),
    );
    expectSame(loadSafetensors(at("out", "netG.safetensors")).tensors, published.below("G."));
    for (const i of imageSizes.keys())
      expectSame(loadSafetensors(at("out", `netD${i}.safetensors`)).tensors, published.below(`D${i}.`));
  });

  it("that were exported are imported unchanged", () => {
    importWeights(at("out"), at("again"));
    for (const file of [
      "model.safetensors",
      "config.yaml",
      "vocabulary.json",
      "checkpoints/step-0000000.safetensors",
    ])
      expect(readFileSync(at("again", file)).equals(readFileSync(at("run", file))), file).toBe(true);
  });

  it("are read from files of older PyTorch versions and of DataParallel", () => {
    const old = [...published.below("G.")].filter(([name]) => !name.endsWith("num_batches_tracked"));
    saveSafetensors(at("old.safetensors"), new Map(old.map(([name, tensor]) => [`module.${name}`, tensor])));
    importAttngan({
      files: [at("old.safetensors"), ...files().slice(1)],
      run: at("old"),
      config: "coco",
      set: ["discriminator.width=1"],
    });
    expect(loadConfig(at("old", "config.yaml")).data.maxWords).toBe(15);
  });
});

describe("a run of AttnGAN's weights", () => {
  it("trains further with the imported image encoder, and is exported and imported with it", {
    timeout: 120_000,
  }, async () => {
    const encoder = new InceptionImageEncoder(textWidth);
    const image = attnganState(encoder.stateDict(), attnganImageEncoderName);
    expect([...image.keys()]).toContain("emb_cnn_code.bias");
    saveSafetensors(at("image_encoder200.safetensors"), image);
    importAttngan({
      files: [...files(), ...discriminators(), at("image_encoder200.safetensors")],
      run: at("further"),
      config: "cub",
      set: ["training.batch=2", "training.precision=float32", "data.workers=0", "log.every=1"],
    });
    // The first caption has all words in the order of captions.pickle.
    const all = Array.from({ length: WORDS - 1 }, (_, i) => `word${i + 1}`).join(" ");
    const images = [all, "word1", "word2 word3"].map((text, i) => ({
      ...example(`${i}`, () => mapped(i, 32), [{ text }]),
      ...{ classId: i, split: i < 2 ? ("train" as const) : ("test" as const) },
    }));
    await prepare(
      { ...sourceOf(images), classes: ["a", "b", "c"], tokenizer: "attngan" },
      { out: at("data"), size: imageSizes.at(-1)! },
    );
    const outcome = await train("gan", {
      ...{ data: at("data"), run: at("further"), config: "resume", steps: 1, device: "cpu" },
    });
    expect(outcome).toMatchObject({ step: 1, complete: false });
    expect(readMetrics(at("further", "metrics.jsonl"))[0]!["damsm/words"]).toBeGreaterThan(0);

    exportRun(at("further"), at("further-out"));
    expectSame(loadSafetensors(at("further-out", "image_encoder.safetensors")).tensors, image);
    importWeights(at("further-out"), at("further-in"));
    const damsm = "damsm/damsm.safetensors";
    expect(readFileSync(at("further-in", damsm)).equals(readFileSync(at("further", damsm)))).toBe(true);
  });
});

describe("files that do not match", () => {
  const refusal = (given: string[], set: string[] = []): string => {
    try {
      importAttngan({
        files: given,
        run: at("refused"),
        config: "cub",
        set: ["discriminator.width=1", ...set],
      });
    } catch (error) {
      expect((error as Error).name).toBe("UserError");
      expect(existsSync(at("refused"))).toBe(false);
      expect(readdirSync(folder).filter((name) => name.includes("partial"))).toEqual([]);
      return (error as Error).message.replaceAll(folder, "");
    }
    throw new Error("the files were accepted");
  };
  /** The generator's weights with one of them changed. */
  const changed = (name: string, change: (state: Map<string, Tensor>) => void): string => {
    const state = published.below("G.");
    change(state);
    saveSafetensors(at(`${name}.safetensors`), state);
    return at(`${name}.safetensors`);
  };

  it("are refused with the file and the reason", () => {
    const [generator, text, captions] = files() as [string, string, string];
    expect(refusal([generator, text])).toMatch(/captions\.pickle is missing/);
    expect(refusal([generator, captions])).toMatch(
      /the text encoder is missing: give its file, text_encoder200\.pth/,
    );
    expect(refusal([generator, generator, text, captions])).toMatch(/is a second generator; the first is/);
    expect(refusal([generator, text, captions, at("none.pth")])).toMatch(/^\/none\.pth: no such file/);
    expect(refusal([...files(), discriminators().at(-1)!])).toContain(
      `discriminators given are for images of ${imageSizes.at(-1)} pixels, ` +
        `and the generator generates ${imageSizes.join(", ")}: give one for each, or none`,
    );
    expect(refusal(files(), [`generator.residualBlocks=${residualBlocks - 1}`])).toMatch(
      new RegExp(
        `netG_epoch_600\\.safetensors: the state has h_net2\\.residual\\.${residualBlocks - 1}\\.\\S+, ` +
          "which this network does not have; give the conf",
      ),
    );
    writeFileSync(at("few.pickle"), captionsPickle(WORDS - 1));
    expect(refusal([generator, text, at("few.pickle")])).toBe(
      `/few.pickle: has ${WORDS - 1} words, and /text_encoder200.pth has ${WORDS}: ` +
        "give the captions.pickle that the text encoder was trained with",
    );
    copyFileSync(goldenPath("pth/hostile-zip.pth"), at("hostile.pth"));
    expect(refusal([at("hostile.pth"), text, captions])).toMatch(
      /^\/hostile\.pth cannot be read .* asks for posix\.system/,
    );
    saveSafetensors(at("other.safetensors"), new Map([["fc.weight", full([1], 1)]]));
    expect(refusal([at("other.safetensors"), text, captions])).toMatch(
      /is not a network of AttnGAN: its tensors are named fc\.weight/,
    );
    expect(refusal([at("none.pth")])).toBe("/none.pth: no such file or folder");
    saveSafetensors(at("single.safetensors"), new Map([["", full([1], 1)]]));
    expect(refusal([at("single.safetensors"), text, captions])).toMatch(
      /is not a network of AttnGAN: it is a single tensor without a name; expected/,
    );
  });

  it("are refused if a network's tensors are inconsistent", () => {
    const [, text, captions] = files() as [string, string, string];
    const lacking = changed("lacking", (state) => state.delete("h_net2.upsample.2.running_var"));
    expect(refusal([lacking, text, captions])).toMatch(
      /lacking\.safetensors: the state lacks h_net2\.upsample\.2\.running_var/,
    );
    const wide = changed("wide", (state) =>
      state.set("img_net1.img.0.weight", full([3, 1000 * width, 3, 3], 0)),
    );
    const { shape } = published.get("G.h_net1.upsample1.1.weight");
    expect(refusal([wide, text, captions])).toContain(
      `has h_net1.upsample1.1.weight of shape [${shape.join(", ")}]; expected [`,
    );
    const other = textWidth + 2;
    const mismatched = changed("mismatched", (state) => {
      state.set("ca_net.fc.weight", full([4 * condition, other], 0));
      for (let stage = 2; stage <= stages; stage++)
        state.set(`h_net${stage}.att.conv_context.weight`, full([width, other, 1, 1], 0));
    });
    expect(refusal([mismatched, text, captions])).toMatch(
      new RegExp(`takes text features of width ${other}, and \\S+ has ${textWidth}`),
    );
  });

  it("do not replace an existing folder", () => {
    mkdirSync(at("mine"));
    writeFileSync(at("mine", "file"), "mine");
    expect(() => importAttngan({ files: files(), run: at("mine"), config: "cub" })).toThrow(
      /exists and is not empty/,
    );
    expect(() => exportRun(at("run"), at("mine"))).toThrow(/exists and is not empty/);
    expect(readdirSync(at("mine"))).toEqual(["file"]);
  });
});

/**
 * PyTorch's file if its width matches the generator's text features; else a new text encoder of that width.
 */
function writeTextEncoder(path: string): void {
  const hidden = stateDictOf(loadPytorch(checkpoint)).get("rnn.weight_hh_l0")!.size(1);
  if (2 * hidden === textWidth) {
    copyFileSync(checkpoint, path);
    return;
  }
  manualSeed(1);
  const encoder = new TextEncoder({ vocabularySize: WORDS, embedding, width: textWidth, dropout: 0 });
  saveSafetensors(path, encoder.stateDict());
}

/** AttnGAN's `captions.pickle`: training captions, test captions, number → word, word → number. */
function captionsPickle(words: number): string {
  const names = Array.from({ length: words }, (_, i) => (i === 0 ? "<end>" : `word${i}`));
  const numbers = names.map((word, i) => `I${i}\nV${word}\ns`).join("");
  const back = names.map((word, i) => `V${word}\nI${i}\ns`).join("");
  return `((lI1\nI2\nl(d${numbers}(d${back}l.`.replace("((lI1\nI2\nl", "(((I1\nI2\nll((I1\nll");
}

function expectSame(actual: Map<string, Tensor>, expected: Map<string, Tensor>): void {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, tensor] of actual) expect(tensor.equal(expected.get(name)!), name).toBe(true);
}
