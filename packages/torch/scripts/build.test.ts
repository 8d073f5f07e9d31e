import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildTorch } from "./build.mjs";
import { environmentWith, temporaryFolder, writeFiles, writeLibtorch } from "./fakes.js";
import { inspect, type Libtorch } from "./find-libtorch.mjs";

const NAMED = `
#include <node_api.h>
#include "name.h"
const char* name() { return NAME; }
`;

const ADDON = `
#include <node_api.h>
const char* name();
NAPI_MODULE_INIT() {
  napi_value value;
  napi_create_string_utf8(env, name(), NAPI_AUTO_LENGTH, &value);
  return value;
}
`;

/** An empty library. */
function writeLibrary(path: string) {
  mkdirSync(dirname(path), { recursive: true });
  execFileSync("c++", ["-shared", `-Wl,-soname,${basename(path)}`, "-x", "c++", "/dev/null", "-o", path]);
}

/** A libtorch with empty libraries, and the sources of an addon that exports a name. */
function project({ more = [] as string[] } = {}) {
  const root = temporaryFolder();
  const home = writeLibtorch(join(root, "torch"));
  for (const name of ["torch", "torch_cpu", "c10", ...more]) writeLibrary(join(home, `lib/lib${name}.so`));
  const sourceDir = join(root, "native");
  writeFiles(sourceDir, { "addon.cc": ADDON, "named.cc": NAMED, "name.h": '#define NAME "first"\n' });
  writeFiles(root, { "package.json": '{ "name": "@test/torch", "version": "1.0.0" }' });
  return {
    folder: root,
    sourceDir,
    cache: join(root, "cache"),
    libtorch: inspect(home, "LIBTORCH").libtorch as Libtorch,
  };
}

/** What the addon exports. A process loads a file only once, so each call starts a new process. */
function exported(addon: string): string {
  return execFileSync(process.execPath, ["-p", `require(${JSON.stringify(addon)})`], {
    encoding: "utf8",
  }).trim();
}

describe("a build", () => {
  test("compiles what changed, and nothing if nothing changed", async () => {
    const { libtorch, ...folders } = project();
    const first = await buildTorch(libtorch, folders);
    expect(first.compiled).toBe(2);
    expect(exported(first.path)).toBe("first");
    expect((await buildTorch(libtorch, folders)).compiled).toBe(-1);

    writeFiles(folders.sourceDir, { "addon.cc": `${ADDON}// changed\n` });
    expect((await buildTorch(libtorch, folders)).compiled).toBe(1);

    writeFiles(folders.sourceDir, { "name.h": '#define NAME "second"\n' });
    const second = await buildTorch(libtorch, folders);
    expect([second.compiled, exported(second.path)]).toEqual([2, "second"]);
    expect(exported(first.path)).toBe("first");

    writeFiles(folders.sourceDir, { "name.h": '#define NAME "first"\n', "addon.cc": ADDON });
    expect(await buildTorch(libtorch, folders)).toEqual({ path: first.path, compiled: -1 });
  });

  test("precompiles a common header", async () => {
    const { libtorch, ...folders } = project();
    const common = { "common.h": '#pragma once\n#include "name.h"\nstruct Common {};\n' };
    const third = { "third.cc": '#include "common.h"\nCommon common;\n' };
    writeFiles(folders.sourceDir, { ...common, ...third });
    const { path, compiled } = await buildTorch(libtorch, folders);
    expect([compiled, exported(path)]).toEqual([3, "first"]);
  });

  test("loads the NVRTC beside a Python torch, because cuDNN finds it only when it is loaded", async () => {
    const { libtorch, ...folders } = project({ more: ["torch_cuda", "c10_cuda"] });
    const packages = join(libtorch.home, "../nvidia");
    writeLibrary(join(packages, "cu13/lib/libnvrtc.so.13"));
    writeLibrary(join(packages, "cu13/lib/libnvrtc-builtins.so.13.0"));
    writeLibrary(join(packages, "cudnn/lib/libcudnn.so.9"));
    const { path } = await buildTorch(libtorch, folders);
    const look = `require(${JSON.stringify(path)}), require("fs").readFileSync("/proc/self/maps", "utf8")`;
    const maps = execFileSync(process.execPath, ["-p", look], { encoding: "utf8" });
    expect(new Set(maps.match(/libnvrtc[^/\s]*|libcudnn[^/\s]*|libtorch_cuda\.so/g))).toEqual(
      new Set(["libnvrtc.so.13", "libnvrtc-builtins.so.13.0", "libtorch_cuda.so"]),
    );
  });

  test("records what it was built against", async () => {
    const { libtorch, ...folders } = project();
    const { path } = await buildTorch(libtorch, folders);
    const facts = JSON.parse(readFileSync(join(dirname(path), "torch.json"), "utf8"));
    expect(facts).toMatchObject({ ...libtorch, compiler: { standard: 17 } });
  });

  test("of the same sources in another folder uses the existing addon", async () => {
    const { libtorch, ...folders } = project();
    const first = await buildTorch(libtorch, folders);
    const folder = temporaryFolder();
    for (const part of ["native", "package.json"])
      cpSync(join(folders.folder, part), join(folder, part), { recursive: true });
    const copy = { folder, sourceDir: join(folder, "native"), cache: folders.cache };
    expect(await buildTorch(libtorch, copy)).toEqual({ path: first.path, compiled: -1 });

    // Another version has its own addon, from the same objects.
    writeFiles(folder, { "package.json": '{ "name": "@test/torch", "version": "1.0.1" }' });
    const other = await buildTorch(libtorch, copy);
    expect(other.compiled).toBe(0);
    expect(dirname(other.path)).not.toBe(dirname(first.path));
  });

  test("started twice at the same time runs once", async () => {
    const { libtorch, ...folders } = project();
    const both = await Promise.all([buildTorch(libtorch, folders), buildTorch(libtorch, folders)]);
    expect(both.map(({ compiled }) => compiled).sort()).toEqual([-1, 2]);
  });

  test("that fails shows the first error, keeps a log, and leaves the earlier addon", async () => {
    const { libtorch, ...folders } = project();
    const { path } = await buildTorch(libtorch, folders);
    writeFiles(folders.sourceDir, { "named.cc": `${NAMED}\nint broken = "no number";\n` });
    const build = buildTorch(libtorch, folders);
    const error = await build.catch((error: Error) => error.message);
    expect(error).toMatch(/failed at named\.cc:\n +named\.cc:.*error/);
    const log = /The whole log: (.*build\.log)/.exec(String(error))?.[1];
    expect(readFileSync(String(log), "utf8")).toContain("no number");
    expect(exported(path)).toBe("first");
  });

  test("that links but does not load leaves the earlier addon", async () => {
    const { libtorch, ...folders } = project();
    const { path } = await buildTorch(libtorch, folders);
    writeFiles(folders.sourceDir, { "named.cc": "" });
    await expect(buildTorch(libtorch, folders)).rejects.toThrow(
      /does not load:\n.*undefined symbol: _Z4namev/,
    );
    expect(exported(path)).toBe("first");
  });
});

describe("the compiler", () => {
  test("is missing", async () => {
    const { libtorch, ...folders } = project();
    const env = { PATH: "" };
    await expect(buildTorch(libtorch, { ...folders, env })).rejects.toThrow(
      /c\+\+, g\+\+ and clang\+\+ are not on the PATH[\s\S]*apt-get install g\+\+/,
    );
    await expect(buildTorch(libtorch, { ...folders, env: { PATH: "", CXX: "icc" } })).rejects.toThrow(
      "CXX=icc",
    );
    expect(readdirSync(folders.cache)).toEqual([]);
  });

  test("is too old", async () => {
    const { libtorch, ...folders } = project();
    const env = environmentWith({ "g++": "echo unrecognized option; exit 1" });
    await expect(buildTorch(libtorch, { ...folders, env })).rejects.toThrow(
      /g\+\+ is too old: this libtorch needs C\+\+17, and the addon needs GCC 11 or Clang 9, or newer\.\n {2}Remedy: /,
    );
  });

  /** A compiler that reports these macros and compiles nothing. */
  const saying = (macros: Record<string, string | number>) =>
    Object.entries({ __cplusplus: "201703L", ...macros })
      .map(([name, value]) => `echo '#define ${name} ${value}'`)
      .join("\n");
  const gcc10 = saying({ __GNUC__: 10, __VERSION__: '"10.2.1 20210110"' });
  const clang8 = saying({
    __GNUC__: 4,
    __clang__: 1,
    __clang_major__: 8,
    __VERSION__: '"4.2.1 Compatible Clang 8.0.1"',
  });

  test.each([
    ["GCC 10, which knows C++17", { "g++": gcc10 }, /g\+\+ \(GCC 10\.2\.1 20210110\) is too old: .*GCC 11/],
    [
      "Clang 8",
      { "clang++": clang8 },
      /clang\+\+ \(Clang 4\.2\.1 Compatible Clang 8\.0\.1\) is too old: .*Clang 9/,
    ],
    ["both", { "g++": gcc10, "clang++": clang8 }, /g\+\+ \(GCC 10.*, .*clang\+\+ \(Clang .* is too old: /],
  ])("is too old for the addon: %s", async (_, programs, message) => {
    const { libtorch, ...folders } = project();
    const env = environmentWith(programs);
    await expect(buildTorch(libtorch, { ...folders, env })).rejects.toThrow(message);
    expect(readdirSync(folders.cache)).toEqual([]);
  });

  test("is skipped if it is too old, and the next one is used", async () => {
    const { libtorch, ...folders } = project();
    const env = environmentWith({ "g++": gcc10, "clang++": 'exec /usr/bin/c++ "$@"' });
    const all = { PATH: `${env.PATH}:/nowhere`, TMPDIR: process.env.TMPDIR };
    // The linker is found by the compiler's own path.
    expect(
      (await buildTorch(libtorch, { ...folders, env: { ...all, COMPILER_PATH: "/usr/bin" } })).compiled,
    ).toBe(2);
  });

  test("is missing after a build: the addon is still used", async () => {
    const { libtorch, ...folders } = project();
    const CXX = "/usr/bin/c++";
    const env = environmentWith({ "my-compiler": `exec ${CXX} "$@"` });
    await buildTorch(libtorch, {
      ...folders,
      env: { PATH: `${env.PATH}:${process.env.PATH}`, CXX: "my-compiler" },
    });
    const without = { PATH: "", CXX: "my-compiler" };
    expect((await buildTorch(libtorch, { ...folders, env: without })).compiled).toBe(-1);
  });
});
