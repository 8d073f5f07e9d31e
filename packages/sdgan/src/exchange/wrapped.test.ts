import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { full, loadSafetensors, saveSafetensors, type Tensor, tensor, zeros } from "@sdgan/torch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TextEncoder } from "../models/text-encoder.js";
import { golden } from "../testing/golden.js";
import { pytorchFile, type Saved } from "../testing/pytorch.js";
import { trajectorySizes } from "../testing/trajectory.js";
import { exportRun } from "./export-run.js";
import { importAttngan } from "./import-attngan.js";
import { importWeights } from "./import-weights.js";

/** Small networks of AttnGAN, as its published code and PyTorch write them. */
const published = golden("attngan-trajectory");
const { generator: sizes, images: imageSizes } = trajectorySizes(published);
const WORDS = 5;

type State = Map<string, Tensor>;
let folder: string;
let [generator, text]: State[] = [];
let discriminators: State[];
let expected: Buffer;
const at = (...names: string[]) => join(folder, ...names);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wrapped-"));
  generator = published.below("G.");
  discriminators = imageSizes.map((_, i) => published.below(`D${i}.`));
  text = new TextEncoder({
    ...{ vocabularySize: WORDS, embedding: 6, width: sizes.textWidth, dropout: 0 },
  }).stateDict();
  const names = Array.from({ length: WORDS }, (_, i) => (i === 0 ? "<end>" : `word${i}`));
  const numbers = names.map((word, i) => `I${i}\nV${word}\ns`).join("");
  const back = names.map((word, i) => `V${word}\nI${i}\ns`).join("");
  writeFileSync(at("captions.pickle"), `(((I1\nI2\nll((I1\nll(d${numbers}(d${back}l.`);
  writeFileSync(at("netG.pth"), pytorchFile(new Map(generator)));
  writeFileSync(at("text_encoder.pth"), pytorchFile(new Map(text)));
  expected = model("plain", at("netG.pth"), at("text_encoder.pth"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let runs = 0;
/** Imports files; discriminators that are not among them are made small. */
const load = (...files: string[]) => {
  runs += 1;
  const run = at(`run-${runs}`);
  const set = files.some((file) => file.includes("everything")) ? [] : ["discriminator.width=1"];
  return { run, ...importAttngan({ files: [...files, at("captions.pickle")], run, config: "cub", set }) };
};

/** The model that is imported from these files. */
function model(_: string, ...files: string[]): Buffer {
  return readFileSync(join(load(...files).run, "model.safetensors"));
}

function saved(name: string, value: Saved): string {
  writeFileSync(at(name), pytorchFile(value));
  return at(name);
}

function refusal(...files: string[]): string {
  try {
    load(...files);
  } catch (error) {
    expect((error as Error).name).toBe("UserError");
    expect((error as Error).message).not.toContain("\n");
    return (error as Error).message.replaceAll(`${folder}/`, "");
  }
  throw new Error("the files were accepted");
}

const prefixed = (state: State, prefix: (i: number) => string): State =>
  new Map(Array.from(state, ([name, value], i) => [`${prefix(i)}${name}`, value]));
const dict = (entries: Record<string, Saved>) => new Map(Object.entries(entries));
/** As in Adam's `state_dict`. */
const optimizer = () =>
  dict({
    state: dict({ 0: dict({ step: 3, exp_avg: zeros([2]), exp_avg_sq: full([2], 1) }) }),
    param_groups: [dict({ lr: 1, params: [0] })],
  });

describe("the only place that has a network is read", () => {
  it.each<[string, (state: State) => Saved]>([
    ["under a key", (state) => dict({ netG: state })],
    ["beside numbers", (state) => dict({ epoch: 3, model: state, best: null })],
    ["two deep", (state) => dict({ checkpoint: dict({ state_dict: state }), args: dict({ seed: 1 }) })],
    ["beside an optimizer's state", (state) => dict({ optimizer: optimizer(), state_dict: state })],
    [
      "with an optimizer's state within",
      (state) => new Map<string, Saved>([...state, ["optimizer", optimizer()]]),
    ],
    ["of DataParallel", (state) => prefixed(state, () => "module.")],
    ["of DataParallel in part", (state) => dict({ model: prefixed(state, (i) => (i % 3 ? "module." : "")) })],
    ["of torch.compile", (state) => prefixed(state, () => "_orig_mod.module.")],
    [
      "of Lightning, with names that begin with an attribute",
      (state) => dict({ state_dict: prefixed(state, () => "generator.") }),
    ],
    ["in a list", (state) => dict({ models: ["netG", state] })],
  ])("%s", (name, wrap) => {
    const path = saved("checkpoint.pth", wrap(generator!));
    expect(model(name, path, at("text_encoder.pth")).equals(expected)).toBe(true);
  });

  it("of all networks in one file, each at its place", () => {
    const path = saved(
      "everything.pth",
      dict({
        netG: generator!,
        netsD: discriminators,
        text_encoder: prefixed(text!, () => "module."),
        optimizerG: optimizer(),
      }),
    );
    const { run, networks } = load(path);
    expect(readFileSync(join(run, "model.safetensors")).equals(expected)).toBe(true);
    expect(networks.map(({ role, path }) => [role, path.replace(`${folder}/`, "")])).toEqual([
      ["generator", "everything.pth (netG)"],
      ["text", "everything.pth (text_encoder)"],
      ...imageSizes.map((_, i) => ["discriminator", `everything.pth (netsD.${i})`]),
    ]);
  });

  it("and what else the file has is named", () => {
    const other = dict({
      "conv1.weight": zeros([1]),
      "conv1.bias": zeros([1]),
      fc: zeros([1]),
      out: zeros([1]),
    });
    const path = saved(
      "unusable.pth",
      dict({ epoch: 1, nets: dict({ netG: generator!, netD: other }), optimizerG: optimizer() }),
    );
    const { networks, unused } = load(path, at("text_encoder.pth"));
    expect(networks.map(({ role }) => role)).toEqual(["generator", "text"]);
    expect(unused).toEqual([
      { path: `${path} (nets.netD)`, contents: "4 tensors, named conv1.weight, conv1.bias, fc …" },
      { path: `${path} (optimizerG)`, contents: "2 tensors, named exp_avg, exp_avg_sq" },
    ]);
    expect(load(at("netG.pth"), at("text_encoder.pth")).unused).toEqual([]);
  });

  it("in a folder for `import weights`", () => {
    const { run } = load(at("netG.pth"), at("text_encoder.pth"));
    exportRun(run, at("exported"));
    rmSync(at("exported", "netG.safetensors"));
    writeFileSync(
      at("exported", "netG.pth"),
      pytorchFile(dict({ epoch: 7, model: prefixed(generator!, () => "module.") })),
    );
    importWeights(at("exported"), at("again"));
    expect(readFileSync(at("again", "model.safetensors")).equals(expected)).toBe(true);

    copyFileSync(at("text_encoder.pth"), at("exported", "netG.pth"));
    expect(() => importWeights(at("exported"), at("never"))).toThrow(
      /netG\.pth: is the text encoder, not the generator: expected ca_net\.fc\.weight/,
    );
    writeFileSync(at("exported", "netG.pth"), pytorchFile(dict({ g: generator!, ema: generator! })));
    expect(() => importWeights(at("exported"), at("never"))).toThrow(
      /has more than one generator, \S+netG\.pth \(g\) and \S+netG\.pth \(ema\): save the state_dict/,
    );
  });
});

describe("refusals of wrapped weights", () => {
  it("name both places of a network", () => {
    const path = saved("two.pth", dict({ params: generator!, params_ema: generator! }));
    expect(refusal(path, at("text_encoder.pth"))).toBe(
      "two.pth (params_ema): is a second generator; the first is two.pth (params): " +
        "save the state_dict that is wanted in a file of its own",
    );
  });

  it("say what a file has instead", () => {
    const other = dict({ "conv1.weight": zeros([1]), "conv1.bias": zeros([1]) });
    const path = saved("other.pth", dict({ epoch: 3, model: other, optimizer: optimizer() }));
    expect(refusal(path, at("text_encoder.pth"))).toBe(
      'other.pth: is not a network of AttnGAN: "model" has 2 tensors, named conv1.weight, conv1.bias; ' +
        '"optimizer.state.0" has 2 tensors, named exp_avg, exp_avg_sq; expected one of ca_net.fc.weight, ' +
        "rnn.weight_hh_l0, emb_features.weight, COND_DNET.outlogits.0.weight",
    );
    const inception = saved("inception.pth", dict({ "Conv2d_1a_3x3.conv.weight": zeros([32, 3, 3, 3]) }));
    expect(refusal(inception)).toMatch(
      /^inception\.pth: is Inception-v3 alone.*give AttnGAN's image_encoder200\.pth$/,
    );
    const own = saved("own.pth", dict({ average: dict({ "conditioning.fc.weight": zeros([4]) }) }));
    expect(refusal(own)).toMatch(/is a generator with this project's names: .* sdgan export/);
  });

  it("name a tensor that is there with and without a prefix", () => {
    const [name, value] = [...generator!].at(-1)!;
    const path = saved("both.pth", new Map([...generator!, [`module.${name}`, value]]));
    expect(refusal(path, at("text_encoder.pth"))).toBe(
      `both.pth: has "${name}" twice, with and without a prefix: keep one of them`,
    );
  });

  it("name tensors that the network does not have", () => {
    const path = saved("more.pth", dict({ netG: new Map([...generator!, ["extra.weight", zeros([1])]]) }));
    expect(refusal(path, at("text_encoder.pth"))).toContain(
      "more.pth (netG): the state has extra.weight, which this network does not have",
    );
  });

  it("name the first tensor with NaN or infinite weights, and how many there are", () => {
    const broken = new Map(generator!);
    const [one, another] = [...broken.keys()].filter((name) => broken.get(name)!.dim === 1);
    const length = broken.get(one!)!.numel;
    broken.set(
      one!,
      tensor([Number.NaN, Number.POSITIVE_INFINITY, ...new Array<number>(length - 2).fill(0)]),
    );
    broken.set(another!, full([broken.get(another!)!.numel], Number.NaN));
    const path = saved("nan.pth", dict({ netG: broken }));
    expect(refusal(path, at("text_encoder.pth"))).toBe(
      `nan.pth (netG): ${one} has 2 of ${length} weights that are NaN or infinite, and so do 1 of the other ` +
        `${broken.size - 1} tensors: its training had failed, so give an earlier checkpoint`,
    );
  });

  it("end soon for a file with a network in very many places", () => {
    const many = Object.fromEntries(
      Array.from({ length: 2000 }, (_, i) => [`copy${i}`, dict({ "ca_net.fc.weight": zeros([1]) })]),
    );
    expect(refusal(saved("many.pth", dict(many)))).toMatch(
      /has ca_net\.fc\.weight in 2000 places; at most 64 are read/,
    );
  });
});

describe("weights in several safetensors files", () => {
  const first = "netG-00001-of-00002.safetensors";
  const second = "netG-00002-of-00002.safetensors";
  const index = "netG.safetensors.index.json";

  function sharded(name: string, change: (map: Record<string, unknown>) => void = () => {}): string {
    mkdirSync(at(name), { recursive: true });
    const entries = [...generator!];
    const half = Math.floor(entries.length / 2);
    saveSafetensors(at(name, first), new Map(entries.slice(0, half)));
    saveSafetensors(at(name, second), new Map(entries.slice(half)));
    const map: Record<string, unknown> = Object.fromEntries(
      entries.map(([key], i) => [key, i < half ? first : second]),
    );
    change(map);
    writeFileSync(at(name, index), JSON.stringify({ metadata: { total_size: 1 }, weight_map: map }));
    return at(name, index);
  }

  it("are read by their index, also in a folder", () => {
    const path = sharded("parts");
    expect(model("index", path, at("text_encoder.pth")).equals(expected)).toBe(true);
    copyFileSync(at("text_encoder.pth"), at("parts", "text_encoder.pth"));
    expect(model("folder", at("parts")).equals(expected)).toBe(true);
    expect(loadSafetensors(at("parts", first)).tensors.size).toBeGreaterThan(1);
  });

  it("are not read one by one: the index is named", () => {
    sharded("one");
    expect(refusal(at("one", second), at("text_encoder.pth"))).toBe(
      `one/${second}: is part 2 of 2 of one model: give one/${index}, which lists all parts`,
    );
    rmSync(at("one", index));
    expect(refusal(at("one", first))).toBe(
      `one/${first}: is part 1 of 2 of one model, and the index that lists all parts is missing: ` +
        `put one/${index} beside them and give it`,
    );
    expect(refusal(at("one"), at("text_encoder.pth"))).toMatch(
      /^one\/netG-00001-of-00002.*the index .* is missing/,
    );
    const single = "netG-00001-of-00001.safetensors";
    saveSafetensors(at("one", single), generator!);
    expect(model("single", at("one", single), at("text_encoder.pth")).equals(expected)).toBe(true);
  });

  it.each<[string, (path: string) => void, string]>([
    [
      "a missing part",
      () => rmSync(at("wrong", second)),
      `1 of its 2 files is missing: put ${second} beside it`,
    ],
    [
      "a damaged part",
      () => writeFileSync(at("wrong", second), "version https://git-lfs.github.com/spec/v1\noid sha256:1\n"),
      `wrong/${second} is not a safetensors file: it is a Git LFS pointer`,
    ],
    [
      "a part without a tensor of the index",
      () => saveSafetensors(at("wrong", second), new Map([["x", zeros([1])]])),
      `wrong/${second}: has no tensor `,
    ],
    ["an index that is not JSON", (path) => writeFileSync(path, "{"), "is not JSON ("],
    [
      "an index that is a pointer",
      (path) => writeFileSync(path, "version https://git-lfs.github.com/spec/v1\n"),
      "is a Git LFS pointer",
    ],
    ["an index without a map", (path) => writeFileSync(path, "[]"), "has no weight_map"],
    ["an empty index", (path) => writeFileSync(path, '{"weight_map": {}}'), "lists no tensors"],
    ...["../netG.pth", "/etc/passwd", "..", "a\\b", "", "a\0b"].map(
      (file): [string, (path: string) => void, string] => [
        `a file outside: ${JSON.stringify(file)}`,
        (path) => writeFileSync(path, JSON.stringify({ weight_map: { "ca_net.fc.weight": file } })),
        "expected the name of a file in the same folder",
      ],
    ),
    [
      "a number for a file",
      (path) => writeFileSync(path, '{"weight_map": {"x": 3}}'),
      'lists the file "3" for "x"; expected the name',
    ],
  ])("%s is named", (_, change, message) => {
    const path = sharded("wrong");
    change(path);
    expect(refusal(path, at("text_encoder.pth"))).toContain(message);
  });
});

it("a safetensors file with the name of a PyTorch checkpoint is read, and the other way round", () => {
  saveSafetensors(at("named.pth"), generator!);
  copyFileSync(at("text_encoder.pth"), at("named.safetensors"));
  expect(model("names", at("named.pth"), at("named.safetensors")).equals(expected)).toBe(true);
});
