import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { environmentWith, temporaryFolder, writeFiles, writeLibtorch } from "./fakes.js";
import { inspect, type Libtorch } from "./find-libtorch.mjs";
import { flagsFor } from "./flags.mjs";
import { ensureGloo, hasGloo } from "./gloo.mjs";

const PROCESS_GROUP = { "include/torch/csrc/distributed/c10d/ProcessGroupGloo.hpp": "" };
const GLOO = { "include/gloo/context.h": "", "include/gloo/rendezvous/store.h": "" };

function libtorch(files: Record<string, string>, more: string[] = []): Libtorch {
  const home = writeLibtorch(join(temporaryFolder(), "torch"), { more });
  writeFiles(home, files);
  return inspect(home, "system").libtorch as Libtorch;
}

test("process groups need gloo's headers beside libtorch's", () => {
  for (const [files, expected] of [
    [{}, false],
    [GLOO, false],
    [PROCESS_GROUP, false],
    [{ ...PROCESS_GROUP, "include/gloo/context.h": "" }, false],
    [{ ...PROCESS_GROUP, ...GLOO }, true],
  ] as const) {
    const found = libtorch(files);
    expect(hasGloo(found)).toBe(expected);
    expect(flagsFor(found).compile.includes("-DADDON_GLOO")).toBe(expected);
  }
});

test("process groups on GPUs need a libtorch with CUDA and the headers of NCCL and CUDA", () => {
  const all = { ...PROCESS_GROUP, ...GLOO };
  const nvidia = {
    "../nvidia/nccl/include/nccl.h": "",
    "../nvidia/cuda_runtime/include/cuda_runtime_api.h": "",
  };
  const withCuda = libtorch({ ...all, ...nvidia }, ["libtorch_cuda.so"]);
  const { compile } = flagsFor(withCuda);
  expect(compile).toContain("-DADDON_NCCL");
  expect(compile.filter((flag) => flag.includes("nvidia"))).toHaveLength(2);
  expect(flagsFor(libtorch({ ...all, ...nvidia })).compile).not.toContain("-DADDON_NCCL");
  expect(flagsFor(libtorch({ ...PROCESS_GROUP, ...nvidia }, ["libtorch_cuda.so"])).compile).not.toContain(
    "-DADDON_NCCL",
  );
});

/** An apt that "installs" gloo's headers beside a libtorch, or fails. */
function caller(home: string, works: boolean) {
  const into = join(home, "include/gloo/rendezvous");
  mkdirSync(into, { recursive: true });
  const headers = `: > ${into}/../context.h; : > ${into}/store.h`;
  const env = environmentWith({
    "apt-get": works ? `case "$*" in *libgloo-dev*) ${headers};; esac` : "echo E: no network; exit 1",
    "apt-cache": 'echo "  Candidate: 0.0~git20220518"',
  });
  return { env, uid: 0 };
}

test("set-up installs the headers for Debian's libtorch", async () => {
  const found = libtorch(PROCESS_GROUP);
  const lines: string[] = [];
  await ensureGloo(found, { caller: caller(found.home, true), say: (line) => lines.push(line) });
  expect(hasGloo(found)).toBe(true);
  expect(lines).toEqual(["  installing libgloo-dev with apt-get …"]);
  await ensureGloo(found, { caller: caller(found.home, false), say: (line) => lines.push(line) });
  expect(lines).toHaveLength(1);
});

test("set-up goes on without them, with the remedy", async () => {
  const found = libtorch(PROCESS_GROUP);
  const lines: string[] = [];
  await ensureGloo(found, { caller: caller(found.home, false), say: (line) => lines.push(line) });
  expect(lines.join("\n")).toMatch(
    /! without process groups.*no network.*\n {2}Remedy: apt-get install -y libgloo-dev \(as root\), then the same command/,
  );
});

test("set-up installs nothing for another libtorch", async () => {
  const found = libtorch(PROCESS_GROUP);
  const say = (line: string) => expect(line).toBe("");
  await ensureGloo({ ...found, origin: "python" }, { caller: caller(found.home, true), say });
  expect(hasGloo(found)).toBe(false);
});
