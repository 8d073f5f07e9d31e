/** The command line on a run with a DAMSM and a GAN: `train`, `generate`, `evaluate`, `export` and `import`. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { compile, sdgan as inNewProcess, sdganWithout } from "../testing/cli.js";
import { CommandTests, captionLine, square } from "../testing/command-tests.js";
import { tinyConfig } from "../testing/tiny.js";

// Tests take half a minute on a machine that is busy with other work.
vi.setConfig({ testTimeout: 180_000 });

const tests = new CommandTests();
const { sdgan, at, refusal, refusalOfProcess } = tests;
beforeAll(async () => {
  compile();
  writeFileSync(at("tiny.yaml"), tinyConfig);
  writeFileSync(at("file"), "mine");
  const birds = ["prepare", "birds", "--size", "16", "--species", "20", "--images", "2"];
  const images = ["red", "blue"].map((colour) => [`${colour}.svg`, square(colour)] as const);
  const lines = images.map(([name]) => captionLine(name)).join("");
  const some = ["prepare", "folder", tests.images("some", lines, Object.fromEntries(images)), "--size", "16"];
  for (const [args, out] of [
    [birds, "data"],
    [some, "some-data"],
  ] as const)
    expect((await inNewProcess(...args, "--out", at(out))).stderr).not.toContain("sdgan:");
  for (const training of ["damsm", "gan"]) {
    const options = ["--config", at("tiny.yaml"), "--data", at("data"), "--run", at("run"), "--steps", "1"];
    expect((await inNewProcess("train", training, ...options)).stderr).not.toContain("sdgan:");
  }
});
afterAll(() => tests[Symbol.dispose]());

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
