import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  compile,
  type Ended,
  failingImportsOf,
  sdgan as inNewProcess,
  sdganWithout,
} from "../testing/cli.js";
import { CommandHost } from "../testing/command-host.js";
import { tinyConfig } from "../testing/tiny.js";

// Tests take half a minute on a machine that is busy with other work.
vi.setConfig({ testTimeout: 180_000 });

const host = new CommandHost();
const { sdgan } = host;
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  compile();
  folder = mkdtempSync(join(tmpdir(), "sdgan-cli-"));
  writeFileSync(at("tiny.yaml"), tinyConfig);
  writeFileSync(at("file"), "mine");
  const birds = ["prepare", "birds", "--size", "16", "--species", "20", "--images", "2"];
  expect((await inNewProcess(...birds, "--out", at("data"))).stderr).not.toContain("sdgan:");
  for (const training of ["damsm", "gan"]) {
    const options = ["--config", at("tiny.yaml"), "--data", at("data"), "--run", at("run"), "--steps", "1"];
    expect((await inNewProcess("train", training, ...options)).stderr).not.toContain("sdgan:");
  }
});
afterAll(() => {
  host[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `sdgan`, which must print one line on stderr and nothing else. Returns that line. */
async function refusal(code: number, ...args: string[]): Promise<string> {
  return onlyLine(code, await sdgan(...args));
}

/** The same in a process of its own: without libtorch it starts in a fifth of a second. */
async function refusalOfProcess(code: number, ...args: string[]): Promise<string> {
  return onlyLine(code, await inNewProcess(...args));
}

function onlyLine(code: number, result: Ended): string {
  expect(result).toMatchObject({ code, stdout: "" });
  expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(result.stderr).toMatch(/^sdgan: /);
  return result.stderr;
}

/** A folder of images: `captions` is the text of captions.jsonl. */
function images(name: string, captions: string, files: Record<string, Uint8Array | string> = {}): string {
  mkdirSync(at(name));
  writeFileSync(at(name, "captions.jsonl"), captions);
  for (const [file, bytes] of Object.entries(files)) writeFileSync(at(name, file), bytes);
  return at(name);
}

const line = (image: string, caption = "a red bird") => `${JSON.stringify({ image, caption })}\n`;
const square = (colour: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="32" fill="${colour}"/></svg>`;

describe("usage", () => {
  it("--help loads no heavy module, and every command's has an example", async () => {
    using without = new CommandHost(failingImportsOf(["@sdgan/torch", "sharp", "zod", "yaml"]));
    for (const command of [
      [],
      ["prepare", "birds"],
      ["prepare", "folder"],
      ["train", "damsm"],
      ["train", "gan"],
      ["train", "attribute-classifier"],
      ["generate"],
      ["evaluate"],
      ["ablate"],
      ["report"],
      ["import", "attngan"],
      ["import", "weights"],
      ["export"],
      ["export", "onnx"],
      ["serve"],
      ["studio"],
      ["setup"],
      ["doctor"],
    ]) {
      const { code, stdout } = await without.sdgan(...command, "--help");
      expect([command, code]).toEqual([command, 0]);
      expect(stdout).toContain("npx sdgan");
    }
  });

  it("names a misspelt command or option, with a suggestion", async () => {
    expect(await refusalOfProcess(2, "trian", "gan")).toBe(
      "sdgan: unknown command 'trian'. Did you mean train?\n",
    );
    expect(await refusalOfProcess(2, "train", "damms")).toContain("Did you mean damsm?");
    expect(await refusalOfProcess(2, "generate", "--captoin", "x")).toContain(
      "'--captoin'. Did you mean --caption?",
    );
  });

  it("names an option without a value, with a wrong value, or missing", async () => {
    expect(await refusalOfProcess(2, "prepare", "birds")).toContain("'--out <folder>' is required");
    expect(await refusalOfProcess(2, "prepare", "birds", "--out")).toContain("argument missing");
    expect(await refusalOfProcess(2, "prepare", "birds", "--out", at("x"), "--size", "100")).toContain(
      "No model generates images of 100 pixels: expected 16, 32, 64, 128, 256, 512. The nearest: 64 or 128",
    );
    expect(await refusalOfProcess(2, "prepare", "birds", "--out", at("x"), "--tokenizer", "bpe")).toContain(
      "Allowed choices are attngan, unicode",
    );
    expect(await refusalOfProcess(2, "generate", "--run", at("run"), "--out", at("x"))).toContain(
      "give --caption",
    );
    expect(await refusalOfProcess(2, "train", "gan", "--data", at("data"), "--run", at("run"))).toContain(
      "give --config",
    );
    const resume = ["train", "gan", "--data", at("data"), "--run", at("run"), "--resume"];
    expect(await refusalOfProcess(2, ...resume, "--set", "seed=1")).toContain("leave out --set");
  });
});

describe("prepare", () => {
  it("reserves the requested share of images for validation, and prints the counts", async () => {
    const birds = ["prepare", "birds", "--species", "20", "--images", "1", "--size", "16"];
    const summary = async (name: string, ...more: string[]) =>
      (await sdgan(...birds, "--out", at(name), ...more)).stdout;
    expect(await summary("val")).toContain(
      "14 images of 16×16 for training, 1 for validation and 5 for testing, 200 captions",
    );
    expect(await summary("val", "--val", "0.2")).toContain(
      "12 images of 16×16 for training, 3 for validation",
    );
    expect(await summary("val", "--val", "0")).toContain("15 images of 16×16 for training, 0 for validation");
    for (const share of ["1", "-0.1", "", "much"])
      expect(await refusal(2, ...birds, "--out", at("val"), `--val=${share}`)).toContain(
        "a number from 0 to below 1",
      );
  });

  it("skips images that are missing or broken, and prints which and why", async () => {
    const good = ["a.svg", "b.svg"].map((name) => line(name)).join("");
    const path = images("some", `${good}${line("none.png")}${line("empty.png")}${line("noise.png")}`, {
      "a.svg": square("red"),
      "b.svg": square("blue"),
      "empty.png": "",
      "noise.png": "no image",
    });
    const { code, stdout } = await sdgan("prepare", "folder", path, "--out", at("some-data"), "--size", "16");
    expect(code).toBe(0);
    expect(stdout).toContain("3 images were skipped:\n");
    for (const name of ["none.png", "empty.png", "noise.png"]) expect(stdout).toContain(`  ${name}: `);
    expect(stdout).toMatch(/Next: npx sdgan train damsm .*--data/);
  });

  it("refuses data without a usable image, and a broken line with its number", async () => {
    const none = images("none", line("none.png"));
    expect(await refusal(1, "prepare", "folder", none, "--out", at("x"))).toContain("no image can be used");
    const broken = images("broken", `${line("a.svg")}{"image": "b.svg", "cap\n`);
    expect(await refusal(1, "prepare", "folder", broken, "--out", at("x"))).toContain(
      "captions.jsonl:2: not JSON",
    );
    expect(await refusal(1, "prepare", "folder", at("nowhere"), "--out", at("x"))).toContain(
      "no such folder",
    );
  });

  it("refuses an output folder that cannot be written or contains other files", async () => {
    const birds = ["prepare", "birds", "--species", "20", "--images", "1", "--out"];
    expect(await refusal(1, ...birds, at("file", "data"))).toContain("cannot be written");
    expect(await refusal(1, ...birds, at("run"))).toContain("is not replaced");
    expect(readFileSync(at("file"), "utf8")).toBe("mine");
  });
});

describe("train", () => {
  const options = (config = "tiny.yaml", run = "new") => [
    ...["--config", at(config), "--data", at("data")],
    ...["--run", at(run)],
  ];

  it("refuses a misspelt key in a file and in --set", async () => {
    writeFileSync(at("misspelt.yaml"), "generator: { widht: 4 }");
    const inFile = await refusal(1, "train", "damsm", ...options("misspelt.yaml"));
    expect(inFile).toContain(`${at("misspelt.yaml")}: `);
    expect(inFile).toContain("generator.width");
    const onLine = await refusal(1, "train", "damsm", ...options(), "--set", "trainign.batch=3");
    expect(onLine).toContain("--set trainign.batch=3: ");
    expect(await refusal(1, "train", "damsm", ...options("none.yaml"))).toContain(
      `no file ${at("none.yaml")}`,
    );
  });

  it("refuses data that is missing or does not fit, before writing anything", async () => {
    const elsewhere = ["--config", at("tiny.yaml"), "--data", at("nowhere"), "--run", at("new")];
    expect(await refusal(1, "train", "damsm", ...elsewhere)).toContain("is not a prepared folder");
    const larger = ["--set", "damsm.imageSize=64"];
    expect(await refusal(1, "train", "damsm", ...options(), ...larger)).toContain(
      "prepare the data with --size 64",
    );
    expect(await refusal(1, "train", "gan", ...options())).toContain("train it first: sdgan train damsm");
    expect(await refusal(1, "train", "damsm", ...options("tiny.yaml", "file/run"))).toContain(
      at("file", "run"),
    );
  });

  it("refuses to start in an existing run, to resume a missing one, and to resume with other data", async () => {
    expect(await refusal(1, "train", "gan", ...options("tiny.yaml", "run"))).toContain("already holds a run");
    const resume = (run: string, data = "data") => ["--resume", "--data", at(data), "--run", at(run)];
    expect(await refusal(1, "train", "gan", ...resume("nowhere"))).toContain("holds no run");
    const other = await refusal(1, "train", "gan", ...resume("run", "some-data"));
    expect(other).toContain("some-data: is not the data that the run began with");
    expect(other).toMatch(/has SHA-256 [0-9a-f]{12}, and .*dependencies\.json records [0-9a-f]{12} of /);
  });

  it("refuses to resume with the same vocabulary but another tokenizer", async () => {
    const birds = ["prepare", "birds", "--size", "16", "--species", "20", "--images", "2"];
    const made = await sdgan(...birds, "--tokenizer", "attngan", "--out", at("ascii"));
    expect([made.code, made.stderr]).toEqual([0, expect.any(String)]);
    const words = (data: string) => JSON.parse(readFileSync(at(data, "vocabulary.json"), "utf8"));
    expect(words("ascii")).toEqual({ ...words("data"), tokenizer: "attngan" });
    expect(words("data").tokenizer).toBe("unicode");
    // A run of imported weights, which does not depend on particular data yet.
    cpSync(at("run"), at("independent"), { recursive: true });
    for (const run of ["independent", "independent/damsm"]) writeFileSync(at(run, "dependencies.json"), "{}");
    const resume = ["--resume", "--data", at("ascii"), "--run", at("independent")];
    for (const training of ["gan", "damsm"])
      expect(await refusal(1, "train", training, ...resume)).toMatch(
        /ascii: has another vocabulary .*tokenizer attngan.*tokenizer unicode/,
      );
  });

  it("refuses a DAMSM of another configuration", async () => {
    mkdirSync(at("wider"));
    cpSync(at("run", "damsm"), at("wider", "damsm"), { recursive: true });
    for (const [setting, trained] of [
      ["text.width=16", "was trained with 8"],
      ["text.sentence=mean", "was trained with last"],
      ["text.whiten=true", "was trained with false"],
    ])
      expect(await refusal(1, "train", "gan", ...options("tiny.yaml", "wider"), "--set", setting!)).toContain(
        trained,
      );
  });
});

describe("generate", () => {
  const generate = (...args: string[]) => ["generate", "--run", at("run"), "--out", at("images"), ...args];

  it("refuses a model that is neither in the box nor a folder, and options that do not go together", async () => {
    const model = ["generate", "--caption", "bird", "--out", at("images"), "--model"];
    expect(await refusal(1, ...model, "brids-64")).toMatch(/no folder of this name\. Models in the box: \w/);
    expect(await refusal(1, ...model, at("nowhere"))).toContain("there is no such file");
    expect(await refusal(1, ...model, "http://127.0.0.1:9/model")).toContain("cannot be read");
    expect(await refusal(2, ...model, at("model"), "--run", at("run"))).toContain("give one of the two");
    for (const [option, value] of [
      ["--batch", "4"],
      ["--checkpoint", "best"],
      ["--device", "cpu"],
    ] as const)
      expect(await refusal(2, ...model, at("model"), option, value)).toContain(`${option} is for --run`);
    expect(await refusal(2, "generate", "--caption", "bird", "--out", at("images"))).toMatch(
      /give --model \S+, which needs no set-up, or --run FOLDER/,
    );
  });

  it("refuses captions without a word that the model knows", async () => {
    expect(await refusal(1, ...generate("--caption", ""))).toContain("is empty");
    expect(await refusal(1, ...generate("--caption", "xyzzy qwfp"))).toContain(
      "no word that the model knows",
    );
    writeFileSync(at("captions.txt"), "a red bird\n🐦 …\n");
    const inFile = await refusal(1, ...generate("--captions", at("captions.txt")));
    expect(inFile).toContain(`${at("captions.txt")}:2: `);
    expect(inFile).toContain("no word of letters or digits");
  });

  it("takes 5,000 words, emoji and right-to-left scripts, and names the words that it ignores", async () => {
    const long = new Array(5000).fill("red bird").join(" ");
    const { code, stderr } = await inNewProcess(
      ...generate("--caption", long, "--caption", "طائر a red mauve bird 🐦\n"),
    );
    expect([code, stderr.match(/does not know .*/)?.[0]]).toEqual([
      0,
      "does not know these words and ignores them: طائر, mauve",
    ]);
    expect(readFileSync(at("images", "2-طائر-a-red-mauve-bird-1.png")).length).toBeGreaterThan(100);
  });

  it("names the words that are beyond the model's limit, each once", async () => {
    const long = ["red bird", ...new Array(20).fill("red"), "bird with blue wings"].join(" ");
    const { code, stderr } = await sdgan(...generate("--caption", long, "--caption", "a red bird"));
    expect([code, stderr.match(/The model .*/g)]).toEqual([
      0,
      [
        "The model reads 18 words per caption and ignores these words after them: red, bird, with, blue, wings",
      ],
    ]);
    const short = await sdgan(...generate("--caption", "a red bird"));
    expect([short.code, short.stderr]).toEqual([0, expect.not.stringContaining("The model")]);
  });

  it("refuses a model that is missing or truncated, and an output folder that cannot be written", async () => {
    mkdirSync(at("half"));
    for (const name of ["config.yaml", "vocabulary.json"]) copyFileSync(at("run", name), at("half", name));
    const half = ["generate", "--run", at("half"), "--out", at("images"), "--caption", "a red bird"];
    expect(await refusalOfProcess(1, ...half)).toContain(
      `${at("half", "model.safetensors")}: there is no such file`,
    );
    copyFileSync(at("run", "model.safetensors"), at("half", "model.safetensors"));
    truncateSync(at("half", "model.safetensors"), 20_000);
    expect(await refusal(1, ...half)).toContain("is truncated");
    const nowhere = ["generate", "--run", at("run"), "--out", at("file", "x"), "--caption", "a red bird"];
    expect(await refusal(1, ...nowhere)).toContain(`${at("file", "x")}: `);
    expect(readFileSync(at("file"), "utf8")).toBe("mine");
  });
});

describe("evaluate", () => {
  const evaluate = (...args: string[]) => ["evaluate", "--run", at("run"), "--data", at("data"), ...args];

  it("refuses an unknown metric, and networks and checkpoints that are missing", async () => {
    const misspelt = await refusal(2, ...evaluate("--metrics", "consistency,rPrecison"));
    expect(misspelt).toContain("Unknown metric rPrecison. Did you mean rPrecision?");
    expect(await refusal(1, ...evaluate("--metrics", "attributeAccuracy"))).toContain(
      "train an attribute classifier",
    );
    expect(await refusal(1, ...evaluate("--damsm", at("run")))).toContain("is the DAMSM that");
    expect(await refusal(1, ...evaluate("--inception", at("none.pth")))).toContain("no such file");
    expect(await refusal(1, ...evaluate("--checkpoint", "9"))).toContain("step-0000009.safetensors");
    expect(await refusal(2, ...evaluate("--checkpoint", "last"))).toContain("or best");
  });

  it("prints a table, or only JSON", async () => {
    const options = [
      "train",
      "damsm",
      "--config",
      at("tiny.yaml"),
      "--data",
      at("data"),
      "--run",
      at("other"),
    ];
    expect((await sdgan(...options, "--steps", "1", "--set", "seed=1")).stderr).not.toContain("sdgan:");
    const evaluation = evaluate("--damsm", at("other"), "--images", "20");
    const table = (await inNewProcess(...evaluation)).stdout;
    expect(table).toMatch(/^Fréchet distance +[\d.]+ .* lower +damsm +20 images$/m);
    expect(table).toMatch(/^damsm: DAMSM of seed 1, .*\(SHA-256 [0-9a-f]{8}…\); 8 features/m);
    expect(table).toMatch(/^ {2}rPrecision needs 99 captions of other classes/m);
    const { stdout, code } = await sdgan(...evaluation, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ run: "run", step: 1, images: 20, realImages: 10 });
  });
});

describe("export and import", () => {
  it("an exported and imported run generates the same images and can be trained further", async () => {
    const out = await inNewProcess("export", "--run", at("run"), "--out", at("weights"));
    expect(out.stdout).toContain(
      "netG.safetensors, text_encoder.safetensors, image_encoder.safetensors, netD0",
    );
    const { stdout } = await inNewProcess("import", "weights", at("weights"), "--run", at("imported"));
    expect(stdout).toContain("To train further: npx sdgan train gan --resume");
    const generate = (run: string) =>
      sdgan("generate", "--run", at(run), "--caption", "a red bird", "--out", at(`${run}-images`));
    expect((await generate("imported")).code).toBe(0);
    expect((await generate("run")).code).toBe(0);
    const [one, other] = await Promise.all(
      ["run", "imported"].map((run) =>
        sharp(at(`${run}-images`, "1-a-red-bird-1.png"))
          .raw()
          .toBuffer(),
      ),
    );
    expect(one!.equals(other!)).toBe(true);
    const elsewhere = ["--data", at("some-data"), "--run", at("imported"), "--resume"];
    expect(await refusal(1, "train", "gan", ...elsewhere)).toContain("has another vocabulary");
    const further = ["--data", at("data"), "--run", at("imported"), "--resume", "--steps", "1"];
    expect(await sdgan("train", "gan", ...further)).toMatchObject({ code: 0 });
    // The dependencies of imported weights are recorded when they are first trained further.
    const record = JSON.parse(readFileSync(at("imported", "dependencies.json"), "utf8"));
    expect(Object.keys(record)).toEqual(["data", "damsm"]);
    expect(await refusal(1, "train", "gan", ...elsewhere)).toContain(
      "is not the data that the run began with",
    );
  });

  it("a run is exported as an ONNX model, and then generates without libtorch", async () => {
    const model = ["export", "onnx", "--run", at("run"), "--out", at("model"), "--license", "MIT"];
    const { code, stdout } = await inNewProcess(...model, "--precision", "float16");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^generator\.onnx +\d+\.\d KiB$/m);
    expect(stdout).toMatch(
      /: step \d+; 32 captions generated with onnxruntime differ from libtorch's by at most 0\.\d/,
    );
    const { training, license } = JSON.parse(readFileSync(at("model", "model.json"), "utf8"));
    expect(license).toBe("MIT");
    expect(training).toMatchObject({ data: "birds", dataLicense: "Apache-2.0" });
    expect(await refusal(1, ...model)).toContain("exists and is not empty");
    const other = ["export", "onnx", "--run", at("run"), "--out", at("refused-model")];
    expect(await refusal(2, ...other, "--precision", "int4")).toContain("Allowed choices are float32");
    expect(await refusal(1, ...other, "--checkpoint", "99")).toContain("99");
    expect(existsSync(at("refused-model"))).toBe(false);
    const generate = ["generate", "--caption", "a red mauve bird", "--out", at("model-images")];
    const torchless = ["@sdgan/torch", "@sdgan/images"];
    const generated = await sdganWithout(torchless, ...generate, "--model", at("model"), "--stages");
    expect([generated.code, generated.stdout]).toEqual([
      0,
      `${at("model-images", "1-a-red-mauve-bird-1.png")}\nGrid: ${at("model-images", "grid.png")}\n`,
    ]);
    expect(generated.stderr).toContain("ignores them: mauve");
    const onnxless = await sdganWithout(["onnxruntime-node"], ...generate, "--model", at("model"));
    expect(onnxless).toMatchObject({ code: 1, stdout: "" });
    expect(onnxless.stderr).toMatch(
      /^sdgan: onnxruntime-node does not run here: .*; on these, install it again: npm install [^\n]*\n$/,
    );
    writeFileSync(at("model", "generator.onnx"), "damaged");
    expect(await refusal(1, ...generate, "--model", at("model"))).toContain(
      "generator.onnx: not the file that model.json names",
    );
    const { stderr } = await sdganWithout(["onnxruntime-node"], ...other);
    expect(stderr).toContain("Install it: npm install onnxruntime-node --ignore-scripts");
    expect(existsSync(at("refused-model"))).toBe(false);
  });

  it("refuses files that are not networks, and an output folder that exists", async () => {
    const attngan = ["import", "attngan", at("tiny.yaml"), at("data", "vocabulary.json"), "--run"];
    expect(await refusal(1, ...attngan, at("refused"))).toMatch(
      /tiny\.yaml cannot be read as a PyTorch checkpoint/,
    );
    expect(await refusal(1, "export", "--run", at("run"), "--out", at("data"))).toMatch(
      /exists and is not empty/,
    );
    expect(await refusal(1, "import", "weights", at("data"), "--run", at("refused"))).toMatch(/config\.yaml/);
  });
});

describe("doctor", () => {
  it("prints what the machine has, and what to do if libtorch cannot be loaded", async () => {
    const { code, stdout } = await inNewProcess("doctor");
    expect(code).toBe(0);
    expect(stdout).toMatch(/libtorch +\d+\.\d+/);
    expect(stdout).toMatch(/\d+ GFLOP\/s in float32, \d+ in bfloat16/);
    const without = await sdganWithout(["@sdgan/torch"], "doctor");
    expect(without.code).toBe(1);
    expect(without.stdout).toContain("npx sdgan setup");
  });
});
