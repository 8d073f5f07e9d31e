import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  environmentWith,
  type FakeLibtorch,
  libtorchFiles,
  serve,
  temporaryFolder,
  writeLibtorch,
  zip,
} from "./fakes.js";
import { ensureLibtorch, installFrom } from "./install-libtorch.mjs";
import { type Archive, officialArchive } from "./libtorch-archive.mjs";

/** Like the official archive, with one top-level folder. */
function archiveOf(options?: FakeLibtorch): Buffer {
  const files = Object.entries(libtorchFiles(options)).map(([path, content]) => [
    `libtorch/${path}`,
    content,
  ]);
  return zip(Object.fromEntries(files));
}

const serveAll = async (body: Buffer) => ({ from: await serve((_, response) => response.end(body)) });

/** A machine without libtorch: a project and a system folder, both empty. */
function machine(programs: Record<string, string> = {}, uid = 1000) {
  const root = temporaryFolder();
  const lines: string[] = [];
  return {
    root,
    lines,
    projectRoot: join(root, "project"),
    systemPrefixes: [join(root, "usr")],
    caller: { env: environmentWith(programs), uid },
    cache: join(root, "cache"),
    archive: { from: "http://127.0.0.1:1/libtorch.zip" },
    say: (line: string) => lines.push(line),
  };
}

/** An apt that knows `version` of libtorch-dev and "installs" it by copying a fake one; its calls go to a log. */
function apt(version = "1.13.1+dfsg-4") {
  const folder = temporaryFolder();
  writeLibtorch(join(folder, "package"), { version: "1.13.0" });
  const log = join(folder, "log");
  const programs = (usr: string) => ({
    "apt-get": `echo "$*" >> ${log}\ncase "$*" in *install*) /bin/cp -r ${folder}/package ${usr};; esac`,
    "apt-cache": `echo "  Candidate: ${version}"`,
  });
  return { programs, calls: () => (existsSync(log) ? readFileSync(log, "utf8") : "") };
}

describe("where apt-get works without a password", () => {
  test("root gets Debian's package and the fast BLAS", async () => {
    const { programs, calls } = apt();
    const here = machine({}, 0);
    here.caller.env = environmentWith(programs(join(here.root, "usr")));
    const { libtorch, installed } = await ensureLibtorch(here);
    expect([libtorch.origin, libtorch.version, installed]).toEqual(["system", "1.13.0", true]);
    expect(calls()).toMatch(/^-q .* install -y .*libtorch-dev libgloo-dev libopenblas0-openmp\n$/);
  });

  test("so does a user whose sudo asks for no password", async () => {
    const { programs, calls } = apt();
    const here = machine();
    const sudo = 'shift; [ "$1" = true ] || exec "$@"';
    here.caller.env = environmentWith({ ...programs(join(here.root, "usr")), sudo });
    expect((await ensureLibtorch(here)).libtorch.origin).toBe("system");
    expect(calls()).toContain("libtorch-dev");
  });

  test("a package that is too old is not installed", async () => {
    const { programs, calls } = apt("1.8.1-1");
    const here = machine({}, 0);
    here.caller.env = environmentWith(programs(join(here.root, "usr")));
    await expect(ensureLibtorch(here)).rejects.toThrow("apt has only libtorch-dev 1.8.1-1");
    expect(calls()).toBe("");
  });
});

describe("elsewhere the archive is unpacked into the cache", () => {
  test("without apt", async () => {
    const archive = await serveAll(archiveOf({ version: "2.5.1" }));
    const here = machine();
    const { libtorch } = await ensureLibtorch({ ...here, archive });
    expect([libtorch.origin, libtorch.version]).toEqual(["cache", "2.5.1"]);
    expect(readdirSync(here.cache)).toEqual(["libtorch-2.5.1"]);
    expect((await ensureLibtorch({ ...here, archive: null })).installed).toBe(false);
  });

  test("where sudo asks for a password", async () => {
    const archive = await serveAll(archiveOf());
    const here = machine({ "apt-get": "exit 1", sudo: "exit 1" });
    expect((await ensureLibtorch({ ...here, archive })).libtorch.origin).toBe("cache");
  });

  test("from a file", async () => {
    const archive = join(temporaryFolder(), "libtorch.zip");
    writeFileSync(archive, archiveOf());
    expect((await ensureLibtorch({ ...machine(), archive: { from: archive } })).libtorch.origin).toBe(
      "cache",
    );
    expect(existsSync(archive)).toBe(true);
  });

  test("resuming where a connection broke off", async () => {
    const body = archiveOf();
    const ranges: (string | undefined)[] = [];
    const here = machine();
    const received = join(here.cache, "libtorch.partial/libtorch.zip");
    const from = await serve((request, response) => {
      ranges.push(request.headers.range);
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, { "content-length": body.length - start });
      if (start > 0) return response.end(body.subarray(start));
      response.write(body.subarray(0, 500));
      const breakOff = setInterval(() => {
        if (statSync(received, { throwIfNoEntry: false })?.size !== 500) return;
        clearInterval(breakOff);
        response.destroy();
      }, 10);
    });
    expect((await ensureLibtorch({ ...here, archive: { from } })).libtorch.version).toBe("2.5.1");
    expect(ranges).toEqual([undefined, "bytes=500-"]);
  });
});

describe("if no way works, one message names the reasons and the remedies", () => {
  /** Returns the message, and checks that no partial files are left. */
  async function failure(archive: Archive | null, here = machine()): Promise<string> {
    const error = await ensureLibtorch({ ...here, archive }).catch((error: Error) => error);
    expect(error).toMatchObject({ name: "Failure" });
    expect(readdirSync(here.cache)).toEqual([]);
    return (error as Error).message;
  }

  test("no apt, no server", async () => {
    const message = await failure({ from: "http://127.0.0.1:1/libtorch.zip" });
    expect(message).toContain("this system has no apt-get");
    expect(message).toContain("http://127.0.0.1:1/libtorch.zip: fetch failed");
    for (const remedy of [
      "apt-get install -y libtorch-dev",
      "pip install torch",
      "LIBTORCH=",
      "--archive FILE",
    ])
      expect(message).toContain(remedy);
  });

  test("a machine for which there is no archive", async () => {
    expect(await failure(null)).toContain(`PyTorch has no archive for ${process.platform}`);
  });

  test("a download that is always cut short", async () => {
    const from = await serve((_, response) => {
      response.writeHead(200, { "content-length": 10_000 });
      response.write("PK", () => setTimeout(() => response.destroy(), 20));
    });
    expect(await failure({ from })).toMatch(/libtorch\.zip: (terminated|aborted)/);
  });

  test("a server that has no such file", async () => {
    const from = await serve((_, response) => {
      response.statusCode = 404;
      response.end();
    });
    expect(await failure({ from })).toContain("the server answers 404");
  });

  test("an archive that is damaged, contains something else, or is too old", async () => {
    expect(await failure(await serveAll(archiveOf().subarray(0, -30)))).toContain("cannot be unpacked");
    expect(await failure(await serveAll(zip({ "libtorch/readme": "hello" })))).toContain(
      "it contains no libtorch",
    );
    expect(await failure(await serveAll(archiveOf({ version: "1.9.0" })))).toContain("has libtorch 1.9.0");
    expect(await failure(await serveAll(zip({ "libtorch/../../evil": "" })))).toContain(
      "invalid relative path",
    );
  });

  test("an unusable libtorch that was found is named", async () => {
    const here = machine();
    writeLibtorch(join(here.root, "usr"), { version: "1.8.1" });
    expect(await failure(null, here)).toContain(`Found: ${join(here.root, "usr")} has libtorch 1.8.1`);
  });
});

describe("the checksum of an archive", () => {
  const body = archiveOf();
  const sha256 = createHash("sha256").update(body).digest("hex");

  test("is compared if it is known, and an archive with another one is refused with both", async () => {
    const { from } = await serveAll(body);
    const here = machine();
    expect((await ensureLibtorch({ ...here, archive: { from, sha256 } })).libtorch.version).toBe("2.5.1");
    expect(here.lines.join()).toContain(`SHA-256 is as expected: ${sha256}`);

    const there = machine();
    const wrong = sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    const refused = ensureLibtorch({ ...there, archive: { from, sha256: wrong } });
    await expect(refused).rejects.toThrow(`has the SHA-256 ${sha256}, expected ${wrong}`);
    expect(readdirSync(there.cache)).toEqual([]);
  });

  test("of a chosen archive is LIBTORCH_SHA256, and is printed if that is not set", async () => {
    const { from } = await serveAll(body);
    const { cache, say, lines } = machine();
    await installFrom(from, { cache, say, env: {} });
    expect(lines.join()).toContain(`! its SHA-256 is ${sha256}; it was not checked: set LIBTORCH_SHA256`);
    expect((await installFrom(from, { cache, say, env: { LIBTORCH_SHA256: sha256 } })).origin).toBe("cache");
    await expect(installFrom(from, { cache, say, env: { LIBTORCH_SHA256: "0" } })).rejects.toThrow(
      "expected 0",
    );
    expect(readdirSync(cache)).toEqual(["libtorch-2.5.1"]);
  });

  test("is known for every archive that set-up downloads by default", () => {
    const platforms = [
      { platform: "linux", arch: "x64" },
      { platform: "darwin", arch: "arm64" },
      { platform: "darwin", arch: "x64" },
    ] as const;
    const sums = platforms.map((where) => officialArchive({ ...where, musl: false })?.sha256);
    for (const sum of sums) expect(sum).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(sums).size).toBe(3);
    expect(officialArchive({ platform: "linux", arch: "x64", musl: true })).toBeNull();
    expect(officialArchive({ platform: "linux", arch: "arm64", musl: false })).toBeNull();
  });
});

test("a failed installation keeps the earlier one", async () => {
  const here = machine();
  const earlier = writeLibtorch(join(here.cache, "libtorch-1.9.0"), { version: "1.9.0" });
  await expect(ensureLibtorch(here)).rejects.toThrow("has libtorch 1.9.0");
  expect(existsSync(join(earlier, "include/ATen/ATen.h"))).toBe(true);
});

test.skipIf(process.platform !== "linux")(
  "warns of the reference BLAS if it cannot be replaced",
  async () => {
    const here = machine();
    const usr = writeLibtorch(join(here.root, "usr"));
    mkdirSync(join(usr, "lib/blas"));
    writeFileSync(join(usr, "lib/blas/libblas.so.3.11.0"), "");
    symlinkSync("blas/libblas.so.3.11.0", join(usr, "lib/libblas.so.3"));
    await ensureLibtorch(here);
    expect(here.lines.join()).toMatch(/slow reference BLAS[\s\S]*apt-get install -y libopenblas0-openmp/);
  },
);
