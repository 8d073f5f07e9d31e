import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pathOfAddon } from "./addon-path.js";
import { setCudnnBenchmark, setTf32 } from "./index.js";

const addon = pathOfAddon();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "torch-driver-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The addon's report of a driver with these functions, in a separate process. */
function cudaDriverWith(functions: string): unknown {
  const compile = ["-shared", "-fPIC", "-x", "c", "-", "-o", join(folder, "libcuda.so.1")];
  execFileSync("cc", compile, { input: `#include <string.h>\n${functions}` });
  const ask = "console.log(JSON.stringify(require(process.argv[1]).cudaDriver()))";
  const env = { ...process.env, LD_LIBRARY_PATH: folder };
  return JSON.parse(execFileSync(process.execPath, ["-e", ask, addon], { env, encoding: "utf8" }));
}

const twoGpus = `
int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int* version) { *version = 13020; return 0; }
int cuDeviceGetCount(int* count) { *count = 2; return 0; }
int cuDeviceGet(int* device, int i) { *device = i + 40; return 0; }
int cuDeviceGetName(char* name, int length, int device) { strncpy(name, "GPU of a test", length); return device - 40; }
int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = 81ull << 30; return 0; }
int cuDeviceGetAttribute(int* value, int attribute, int device) { *value = attribute == 75 ? 9 : 0; return 0; }
`;

describe.runIf(process.platform === "linux")("the driver's GPUs", () => {
  it("are reported with name, memory and capability; null if the driver fails for one", () => {
    const gpu = { name: "GPU of a test", memory: 81 * 2 ** 30, capability: [9, 0] };
    expect(cudaDriverWith(twoGpus)).toEqual({ version: 13020, gpus: [gpu, null] });
  });

  it("are none if the driver does not start", () => {
    const broken = twoGpus.replace("flags) { return 0; }", "flags) { return 100; }");
    expect(cudaDriverWith(broken)).toEqual({ version: 13020, gpus: [] });
  });
});

describe("settings for GPUs", () => {
  it("can be changed without a GPU", () => {
    setTf32(true);
    setTf32(false);
    setCudnnBenchmark(true);
    setCudnnBenchmark(false);
    expect(() => setTf32(1 as unknown as boolean)).toThrow(/expected a boolean/);
  });
});
