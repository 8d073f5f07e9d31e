import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cacheFolders } from "@sdgan/addons";
import { SUPPORTED } from "@sdgan/addons/node-version";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { tinyModel } from "../packages/pipeline/src/testing/tiny-model.js";
import { tinyConfig } from "../packages/sdgan/src/testing/tiny.js";
import { readBox } from "../packages/sdgan/src/util/box.js";
import { removeStale } from "./prepack.mjs";
import { ROOT } from "./setup.mjs";
import { missingEntries, packAll, plainEnvironment, type Tarball, unresolvedImports } from "./tarballs.js";

/** What a package may hold beside `package.json`, `README.md` and `LICENSE`. */
const CONTENTS: Record<string, RegExp> = {
  "@sdgan/addons": /^(lib\/[\w-]+\.mjs|include\/\w+\.h|dist\/[\w-]+\.d\.mts)$/,
  "@sdgan/core": /^dist\/[\w/-]+(\.js|\.d\.ts)$/,
  "@sdgan/images":
    /^(dist\/[\w/-]+(\.js|\.d\.ts)|dist\/scripts\/[\w-]+\.d\.mts|scripts\/[\w-]+\.mjs|native\/\w+\.(cc|h))$/,
  "@sdgan/models":
    /^(first\.json|[\w.-]+\/(model\.json|[\w-]+\.onnx|vocabulary\.json|README\.md|LICENSES\.txt))$/,
  "@sdgan/pipeline": /^dist\/([\w/-]+(\.js|\.d\.ts)|browser\/licenses\.md)$/,
  "@sdgan/server": /^dist\/[\w/-]+(\.js|\.d\.ts)$/,
  "@sdgan/studio":
    /^dist\/((index\.html|icon\.svg|sw\.js|licenses\.md)|assets\/[\w.-]+|models\/index\.json|models\/[\w.-]+\/[\w.-]+)$/,
  "@sdgan/torch":
    /^(dist\/[\w/-]+(\.js|\.d\.ts)|dist\/scripts\/[\w-]+\.d\.mts|scripts\/[\w-]+\.mjs|native\/\w+\.(cc|h))$/,
  sdgan: /^(bin\/sdgan\.js|dist\/[\w/-]+(\.js|\.d\.ts))$/,
};

/** Files that users of a package do not need. */
const INTERNAL = /\.test\.|(^|\/)(fixtures?|fakes?|fuzz|golden|files)[./]|\.map$|\.tsbuildinfo$/;

/** Long enough for a busy machine, and for compiling the libtorch addon if the cache has no objects of it. */
const MINUTES = 60_000;

const OFFLINE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT|ENOTCACHED/;

vi.setConfig({ testTimeout: 20 * MINUTES, hookTimeout: 5 * MINUTES });

let folder: string;
let tarballs: Tarball[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sdgan-packages-"));
  tarballs = packAll(join(folder, "tarballs"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a tarball", () => {
  it("exists for every package", () => {
    expect(tarballs.map(({ name }) => name).sort()).toEqual(Object.keys(CONTENTS).sort());
  });

  it("contains compiled code, native sources, README and LICENSE, and nothing else", () => {
    for (const { name, files } of tarballs) {
      const others = files.filter((file) => !CONTENTS[name]!.test(file) || INTERNAL.test(file));
      expect(others, name).toEqual(["LICENSE", "README.md", "package.json"]);
    }
  });

  it("declares licence, engines, repository and access", () => {
    for (const { name, manifest } of tarballs) {
      const directory = name === "@sdgan/models" ? "models" : `packages/${name.replace(/^.*\//, "")}`;
      expect(manifest, name).toMatchObject({
        license: "Apache-2.0",
        engines: { node: SUPPORTED },
        repository: { url: expect.stringMatching(/^git\+https:/), directory },
        publishConfig: { access: "public" },
        files: expect.any(Array),
      });
      expect(manifest.version).toBe(tarballs[0]!.manifest.version);
      for (const other of tarballs)
        expect([undefined, other.manifest.version]).toContain(manifest.dependencies?.[other.name]);
    }
  });

  it("contains all files that it exports, and declares all packages that it imports", () => {
    for (const tarball of tarballs) {
      expect(missingEntries(tarball), tarball.name).toEqual([]);
      expect(unresolvedImports(tarball), tarball.name).toEqual([]);
    }
  });

  it("contains no compiled files of deleted sources", () => {
    const project = join(folder, "stale");
    for (const file of ["src/a.ts", "src/deep/b.ts", "scripts/c.mjs", "lib/d.mjs"]) write(project, file);
    const kept = ["a.js", "a.d.ts", "a.js.map", "deep/b.js", "scripts/c.d.mts", "d.d.mts", "x.tsbuildinfo"];
    const stale = ["b.js", "deep/a.d.ts", "scripts/a2.d.mts", "gone.js.map"];
    for (const file of [...kept, ...stale]) write(project, `dist/${file}`);
    expect(removeStale(project).sort()).toEqual([...stale].sort());
    expect(removeStale(project)).toEqual([]);
  });
});

describe("installed from the tarballs in an empty folder", () => {
  it("sdgan sets itself up, trains and generates", ({ skip }) => {
    const { project, sdgan, run, npx } = install("hoisted", skip);
    const cache = join(folder, "cache/sdgan");
    // Before set-up: images need none.
    const { model, captions } = readBox(join(project, "node_modules/@sdgan/models")).first;
    expect(npx()).toMatchObject({ status: 0, stdout: sdgan() });
    expect(sdgan()).toContain(`npx sdgan generate --model ${model} --caption "${captions[0]}"`);
    sdgan("generate", "--model", model, "--caption", captions[0]!, "--count", "2", "--out", "first");
    expect(readdirSync(join(project, "first"))).toHaveLength(3);
    const doctor = run("doctor");
    expect([doctor.status, doctor.stdout]).toEqual([1, expect.stringContaining("npx sdgan setup")]);

    for (const [name, ...command] of [
      ["images", "prepare", "birds", "--out", "early"],
      ["torch", "generate", "--run", "early", "--caption", "a bird", "--out", "images"],
    ]) {
      const { status, stderr } = run(...command);
      expect(stderr).toMatch(
        new RegExp(`^sdgan: @sdgan/${name} has no addon for .* yet\\. Run: npx sdgan setup\n$`),
      );
      expect(status).toBe(1);
    }

    lendObjects(cache);
    const built = sdgan("setup");
    expect(built).toMatch(/✓ libtorch \d+\.\d+\S* \w+ in \//);
    expect(built).toContain(`addon for libtorch built: ${cache}/torch-`);
    expect(built).toContain(`addon for images built: ${cache}/images-`);
    expect(sdgan("setup").match(/is up to date/g)).toHaveLength(2);
    expect(sdgan("doctor")).toMatch(
      /libtorch +\d+\.\d+[\s\S]*addons +libtorch: \S+\/torch\.node, images: \S+\/images\.node/,
    );

    write(project, "tiny.yaml", tinyConfig);
    sdgan("prepare", "birds", "--size", "16", "--species", "20", "--images", "2", "--out", "data");
    const training = ["--config", "tiny.yaml", "--data", "data", "--run", "run"];
    sdgan("train", "damsm", ...training, "--steps", "5");
    sdgan("train", "gan", ...training, "--set", "training.steps=20", "--steps", "20");
    sdgan("generate", "--run", "run", "--caption", "a small red bird", "--out", "images");
    return expectImage(join(project, "images/1-a-small-red-bird-1.png"), 16);
  });

  it("the pipeline generates without libtorch and without a compiler", async ({ skip }) => {
    const { project, call } = installPackages(
      "pipeline",
      ["@sdgan/core", "@sdgan/models", "@sdgan/pipeline"],
      "hoisted",
      skip,
    );
    const installed = join(project, "node_modules/@sdgan");
    expect(readdirSync(installed).sort()).toEqual(["core", "models", "pipeline"]);
    for (const [name, bytes] of Object.entries(await tinyModel())) write(project, `model/${name}`, bytes);
    write(
      project,
      "generate.mjs",
      `import { readFileSync, writeFileSync } from "node:fs";
      import { pipeline } from "@sdgan/pipeline";
      const generate = await pipeline("text-to-image", "model");
      const [image] = await generate("a small red bird");
      writeFileSync("bird.png", await image.toPng());
      const maps = process.platform === "linux" ? readFileSync("/proc/self/maps", "utf8") : "";
      console.log(/libtorch/.test(maps) ? "libtorch" : "no libtorch");`,
    );
    // An empty PATH: nothing can be compiled or looked for.
    const { status, stdout, stderr } = call(process.execPath, ["generate.mjs"], { PATH: "" });
    expect([status, stdout, stderr]).toEqual([0, "no libtorch\n", ""]);
    await expectImage(join(project, "bird.png"), 16);

    for (const name of readBox(join(installed, "models")).models) {
      write(
        project,
        "boxed.mjs",
        `import { writeFileSync } from "node:fs";
        import { pipeline } from "@sdgan/pipeline";
        const generate = await pipeline("text-to-image", ${JSON.stringify(name)});
        const [image] = await generate(generate.words.slice(0, 4).join(" "));
        writeFileSync("boxed.png", await image.toPng());
        console.log(image.size);`,
      );
      const boxed = call(process.execPath, ["boxed.mjs"], { PATH: "" });
      expect([boxed.status, boxed.stderr]).toEqual([0, ""]);
      await expectImage(join(project, "boxed.png"), Number(boxed.stdout));
    }

    write(project, "types.mts", TYPED);
    const tsc = (...args: string[]) =>
      call(process.execPath, [
        ...[join(ROOT, "node_modules/typescript/bin/tsc"), "--noEmit", "--strict", "--target", "es2023"],
        ...["--typeRoots", join(ROOT, "node_modules/@types"), ...args, "types.mts"],
      ]).stdout;
    // A program for Node has no types of browsers.
    expect(tsc("--module", "nodenext", "--lib", "es2023", "--types", "node")).toBe("");
    const page = [
      "--module",
      "esnext",
      "--moduleResolution",
      "bundler",
      "--lib",
      "es2023,dom",
      "--types",
      "",
    ];
    write(project, "types.mts", `${TYPED}\nimage.toCanvas(document.createElement("canvas")).toDataURL();`);
    expect(tsc(...page)).toBe("");
    write(project, "types.mts", `${TYPED}\nconst wrong: string = image;`);
    expect(tsc(...page)).toContain("not assignable to type 'string'");
  });

  it("every package works when it can resolve only its declared dependencies, as with pnpm", ({ skip }) => {
    const { project, sdgan } = install("linked", skip);
    const { model, captions } = readBox(join(project, "node_modules/@sdgan/models")).first;
    sdgan("generate", "--model", model, "--caption", captions[0]!, "--out", "first");
    lendObjects(join(folder, "cache/sdgan"));
    expect(sdgan("setup")).toContain("addon for images");
    expect(sdgan("doctor")).toMatch(/libtorch +\d+\.\d+/);
    sdgan("prepare", "birds", "--size", "16", "--species", "20", "--images", "1", "--out", "data");
  });
});

/** Installs all tarballs with npm into a new folder, with one of its layouts of `node_modules`. */
function install(layout: string, skip: (note: string) => never) {
  const { project, call } = installPackages(layout, Object.keys(CONTENTS), layout, skip);
  const npx = (...args: string[]) => call("npx", ["--no-install", "sdgan", ...args]);
  // What npx runs, without npm's own start.
  const run = (...args: string[]) => call(join(project, "node_modules/.bin/sdgan"), args);
  const sdgan = (...args: string[]) => {
    const { status, stdout, stderr } = run(...args);
    expect(status, `sdgan ${args.join(" ")}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  };
  return { project, npx, run, sdgan };
}

/** Installs tarballs of some packages into the new folder `name`; returns it, and a function that runs programs in it. */
function installPackages(
  name: string,
  packages: readonly string[],
  layout: string,
  skip: (note: string) => never,
) {
  const project = join(folder, name);
  write(project, "package.json", '{ "private": true }');
  const env = plainEnvironment({ XDG_CACHE_HOME: join(folder, "cache"), OMP_NUM_THREADS: "1" });
  const call = (program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    spawnSync(program, args, {
      ...{ cwd: project, env: { ...env, ...more }, encoding: "utf8", maxBuffer: 2 ** 26 },
    });
  const { status, stdout, stderr } = call("npm", [
    ...["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"],
    ...["--fetch-retries=1", `--install-strategy=${layout}`],
    ...tarballs.filter(({ name }) => packages.includes(name)).map(({ path }) => path),
  ]);
  if (status !== 0 && OFFLINE.test(stderr))
    skip(`npm cannot reach a registry, so nothing can be installed: ${stderr.trim().split("\n")[0]}`);
  expect(status, stdout + stderr).toBe(0);
  return { project, call };
}

/** A program that uses the pipeline's types. */
const TYPED = `import { type GeneratedImage, type PipelineOptions, pipeline, UserError } from "@sdgan/pipeline";
  const options: PipelineOptions = { threads: 2, onProgress: ({ loaded, total }) => void (loaded / total) };
  const generate = await pipeline("text-to-image", "model", options);
  const images: GeneratedImage[] = await generate(["bird"], { seed: 1, stages: true, attention: true });
  const image = images[0]!;
  const words: string[] = image.ignored.unknown;
  const png: Uint8Array = await image.stages[0]!.toPng();
  export { words, png, UserError };
  await generate.dispose();`;

async function expectImage(path: string, side: number): Promise<void> {
  expect(await sharp(path).metadata()).toMatchObject({ format: "png", width: side, height: side });
  const { channels } = await sharp(path).stats();
  expect(Math.max(...channels.map(({ min, max }) => max - min))).toBeGreaterThan(0);
}

/**
 * Copies the libtorch addon's objects from this workspace's set-up into a cache, because compiling them takes minutes.
 * They can be reused because their names are hashes of their inputs. Linking, and the whole addon for images, remain
 * to be done.
 */
function lendObjects(cache: string): void {
  for (const own of cacheFolders())
    for (const name of readdirSync(own).filter((name) => name.startsWith("torch-objects-")))
      cpSync(join(own, name), join(cache, name), {
        recursive: true,
        filter: (path) => !path.includes(".gch"),
      });
}

function write(root: string, file: string, content: string | Uint8Array = ""): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), content);
}
