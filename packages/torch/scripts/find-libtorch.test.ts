import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { environmentWith, temporaryFolder, writeFiles, writeLibtorch } from "./fakes.js";
import { findLibtorch, inspect } from "./find-libtorch.mjs";

/** One libtorch in each place. Their versions 2.1 to 2.5 are in the order of the search. */
function everywhere() {
  const root = temporaryFolder();
  const places = {
    variable: writeLibtorch(join(root, "variable"), { version: "2.1.0" }),
    project: writeLibtorch(join(root, "project/.libtorch"), { version: "2.2.0" }),
    cache: writeLibtorch(join(root, "cache/libtorch-2.3.0"), { version: "2.3.0" }),
    system: writeLibtorch(join(root, "system"), { version: "2.4.0", lib: "lib/x86_64-linux-gnu" }),
    python: writeLibtorch(join(root, "site-packages/torch"), { version: "2.5.0" }),
  };
  const env = environmentWith({ python3: `echo ${places.python}` });
  return { root, places, env };
}

describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("the order of places", () => {
  test("is LIBTORCH, the project, the cache, the system, Python", () => {
    const { root, places, env } = everywhere();
    const project = { projectRoot: join(root, "project") };
    const cache = { caches: [join(root, "cache")] };
    const system = { systemPrefixes: [places.system] };
    const nothing = { projectRoot: root, caches: [], systemPrefixes: [] };
    const versions = [
      findLibtorch({ env: { ...env, LIBTORCH: places.variable }, ...project, ...system }),
      findLibtorch({ env, ...project, ...cache, ...system }),
      findLibtorch({ env, ...nothing, ...cache, ...system }),
      findLibtorch({ env, ...nothing, ...system }),
      findLibtorch({ env, ...nothing }),
    ].map(({ libtorch }) => [libtorch?.origin, libtorch?.version]);
    expect(versions).toEqual([
      ["LIBTORCH", "2.1.0"],
      ["project", "2.2.0"],
      ["cache", "2.3.0"],
      ["system", "2.4.0"],
      ["python", "2.5.0"],
    ]);
  });

  test("within the cache is that of the versions, the newest first", () => {
    const { root, env } = everywhere();
    const cache = join(root, "cache");
    writeLibtorch(join(cache, "libtorch-2.10.0"), { version: "2.10.0" });
    writeLibtorch(join(cache, "libtorch.partial/content"), { version: "2.20.0" });
    const { libtorch } = findLibtorch({ env, projectRoot: root, caches: [cache], systemPrefixes: [] });
    expect(libtorch?.version).toBe("2.10.0");
  });

  test("ends without a libtorch if there is none", () => {
    const root = temporaryFolder();
    const found = findLibtorch({ env: { PATH: "" }, projectRoot: root, caches: [], systemPrefixes: [root] });
    expect(found).toEqual({ libtorch: undefined, rejected: [] });
  });

  test("skips an unusable libtorch, and reports it", () => {
    const { root, places, env } = everywhere();
    const old = writeLibtorch(join(root, "old"), { version: "1.8.1" });
    const bare = writeLibtorch(join(root, "bare"), { libraries: false });
    const systemPrefixes = [old, bare, places.system];
    const found = findLibtorch({ env, projectRoot: root, caches: [], systemPrefixes });
    expect(found.libtorch?.version).toBe("2.4.0");
    expect(found.rejected).toEqual([
      `${old} has libtorch 1.8.1`,
      `${bare} has libtorch's headers but no libtorch_cpu.so`,
    ]);
  });
});

describe("LIBTORCH", () => {
  const place = (home: string) => () => findLibtorch({ env: { LIBTORCH: home } });

  test("that does not exist is an error", () => {
    expect(place("/no/such/folder")).toThrow(
      /LIBTORCH=\/no\/such\/folder cannot be used.*does not exist[\s\S]*Remedy/,
    );
  });

  test("without libtorch in it is an error", () => {
    expect(place(temporaryFolder())).toThrow("has no libtorch");
  });

  test("with headers alone, or libraries alone, is an error", () => {
    expect(place(writeLibtorch(temporaryFolder(), { libraries: false }))).toThrow("no libtorch_cpu.so");
    expect(place(writeLibtorch(temporaryFolder(), { headers: false }))).toThrow("has no headers");
  });

  test("that is too old is an error that names both versions", () => {
    const home = writeLibtorch(temporaryFolder(), { version: "1.12.1" });
    expect(place(home)).toThrow(/has libtorch 1\.12\.1[\s\S]*1\.13 or newer/);
  });
});

describe("the search recognizes", () => {
  test("a libtorch's version, by build-version, version.py, or the header", () => {
    const home = writeLibtorch(temporaryFolder(), { version: "2.5.1" });
    const version = () => inspect(home, "project").libtorch?.version;
    expect(version()).toBe("2.5.1");
    writeFiles(home, { "version.py": "from typing import Optional\n__version__ = '2.5.1+cu124'\n" });
    expect(version()).toBe("2.5.1+cu124");
    writeFiles(home, { "build-version": "2.5.1+cpu\n" });
    expect(version()).toBe("2.5.1+cpu");
  });

  test.skipIf(process.platform !== "linux")("its ABI, by the symbols in libc10", () => {
    const abi = (c10: string) =>
      inspect(writeLibtorch(temporaryFolder(), { c10 }), "project").libtorch?.cxx11Abi;
    expect(abi("_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcE")).toBe(true);
    expect(abi("_ZN3c105ErrorC1ENS_14SourceLocationESs\0_ZNSt7__cxx1112basic_stringIcE")).toBe(false);
  });

  test("whether it has CUDA", () => {
    const cuda = (more: string[]) =>
      inspect(writeLibtorch(temporaryFolder(), { more }), "project").libtorch?.cuda;
    expect(cuda([])).toBe(false);
    expect(cuda(["libtorch_cuda.so"])).toBe(process.platform === "linux");
  });
});
