import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { isTensor, loadPytorch, memoryInUse, scope, stateDictOf, type Tensor } from "../index.js";
import { zipOf } from "../testing/files/zip.js";

/** Files that the project's own program wrote. Tests change their bytes and know their values. */
const own = fileURLToPath(new URL("../../golden/pth/", import.meta.url));
/** PyTorch's files with various values; `GOLDEN_DIR` may name another folder for them. */
const other = join(process.env.GOLDEN_DIR ?? own, "pth");
const golden = existsSync(other) ? other : own;
const folder = mkdtempSync(join(tmpdir(), "pth-"));
afterAll(() => rmSync(folder, { recursive: true }));

const load = (name: string, folder = own) => loadPytorch(join(folder, name)) as Map<string, unknown>;
const bytesOf = (name: string) => readFileSync(join(own, name));

/** The error message for a file with these bytes. */
function refusal(bytes: Uint8Array): string {
  const path = join(folder, "broken.pth");
  writeFileSync(path, bytes);
  try {
    loadPytorch(path);
  } catch (error) {
    return (error as Error).message.replace(path, "PATH");
  }
  throw new Error("it was read");
}

/** As plain values, so that they can be compared. */
function plain(value: unknown): unknown {
  if (isTensor(value)) return { dtype: value.dtype, shape: value.shape, values: value.toNumbers() };
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([key, item]) => [key, plain(item)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

const float = (shape: number[], ...values: number[]) => ({ dtype: "float32", shape, values });

describe.each(["zip", "legacy"])("a checkpoint in PyTorch's %s format", (format) => {
  it("is read as PyTorch wrote it: views of one storage, values of every dtype, and other objects", () => {
    const found = load(`${format}.pth`, golden);
    const at = (name: string) => found.get(name) as Tensor;
    const weight = at("weight");
    const [rows, columns] = weight.shape as [number, number];
    expect(weight.dtype).toBe("float32");
    // The file has the storage's bytes as in memory.
    expect(readFileSync(join(golden, `${format}.pth`)).includes(Buffer.from(weight.toBytes()))).toBe(true);
    const values = weight.toNumbers();
    const transposed = Array.from({ length: columns }, (_, j) =>
      Array.from({ length: rows }, (_, i) => values[i * columns + j]!),
    );
    expect(plain(at("transposed_view"))).toEqual(float([columns, rows], ...transposed.flat()));
    expect(plain(at("row_view"))).toEqual(float([columns], ...values.slice(columns, 2 * columns)));
    for (const [name, dtype] of [
      ["half", "float16"],
      ["bfloat16", "bfloat16"],
    ] as const) {
      expect(at(name).dtype).toBe(dtype);
      expect(at(name).toNumbers()).toEqual(weight.to(dtype).toNumbers());
    }
    const long = at("long");
    expect([long.dtype, long.dim]).toEqual(["int64", 1]);
    expect(long.toNumbers()).toEqual(Array.from({ length: long.numel }, (_, i) => i));
    expect(at("empty").numel).toBe(0);
    expect(at("scalar").shape).toEqual([]);
    const { a } = plain(found.get("nested")) as { a: ReturnType<typeof float> };
    expect(a).toEqual(float(a.shape, ...new Array<number>(a.shape[0]!).fill(1)));
    expect([typeof found.get("epoch"), typeof found.get("name")]).toEqual(["number", "string"]);
    // Views share their storage.
    at("row_view").copy_(at("row_view").mul(0));
    expect(weight.select(0, 1).toNumbers()).toEqual(new Array(columns).fill(0));
  });

  it("is read with parameters, states, views and every dtype, from another device", () => {
    expect(plain(load(`various-${format}.pth`))).toEqual({
      parameter: float([2], 1, 2),
      state: {
        "norm.weight": float([2], 1, 1),
        "norm.bias": float([2], 0, 0),
        "norm.running_mean": float([2], 0, 0),
        "norm.running_var": float([2], 1, 1),
        "norm.num_batches_tracked": { dtype: "int64", shape: [], values: [0] },
      },
      whole: { dtype: "float64", shape: [2, 3], values: [0, 1, 2, 3, 4, 5] },
      part: { dtype: "float64", shape: [2], values: [3, 4] },
      expanded: { dtype: "int32", shape: [3, 2], values: [7, 8, 7, 8, 7, 8] },
      bool: { dtype: "bool", shape: [3], values: [1, 0, 1] },
      bytes: { dtype: "uint8", shape: [2], values: [0, 255] },
      int8: { dtype: "int8", shape: [2], values: [-128, 127] },
      int16: { dtype: "int16", shape: [2], values: [-32768, 32767] },
      long: { dtype: "int64", shape: [], values: [-(2 ** 62)] },
      list: [float([1], 1.5), { inner: float([2, 0]) }],
      size: [2, 3],
      ordered: { lr: 2e-4, betas: [0.5, 0.999] },
    });
  });

  it("does not leak memory, read or refused", () => {
    scope(() => void load(`${format}.pth`));
    const before = memoryInUse();
    scope(() => void load(`${format}.pth`));
    expect(() => load(`hostile-${format}.pth`)).toThrow();
    const bytes = bytesOf(`various-${format}.pth`);
    refusal(bytes.subarray(0, bytes.length - 1));
    expect(memoryInUse()).toBe(before);
  });

  it("is refused if it is truncated anywhere", () => {
    const bytes = bytesOf(`various-${format}.pth`);
    for (let length = 0; length < bytes.length; length += length < 200 ? 1 : 37)
      expect(refusal(bytes.subarray(0, length)), `${length}`).toMatch(
        /^PATH cannot be read as a PyTorch checkpoint: it|the/,
      );
  });
});

it("both of PyTorch's formats give the same", () => {
  expect(plain(load("zip.pth", golden))).toEqual(plain(load("legacy.pth", golden)));
});

it("every value equals the one that PyTorch saved", () => {
  const sevenths = Array.from({ length: 12 }, (_, i) => Math.fround(i / 7));
  expect(plain(load("zip.pth"))).toMatchObject({
    weight: float([3, 4], ...sevenths),
    long: { values: [0, 1, 2, 3, 4] },
    empty: float([0, 3]),
    scalar: float([], 2.5),
    nested: { a: float([2], 1, 1) },
    epoch: 600,
    name: "netG",
  });
});

describe("stateDictOf", () => {
  it("names tensors by their position", () => {
    const state = stateDictOf(load("various-zip.pth"));
    expect([...state.keys()].slice(0, 3)).toEqual(["parameter", "state.norm.weight", "state.norm.bias"]);
    expect(state.get("list.1.inner")!.shape).toEqual([2, 0]);
    expect([...stateDictOf(load("text_encoder.pth")).keys()]).toContain("rnn.bias_hh_l0_reverse");
  });

  it("refuses a checkpoint without tensors, with equal names, or with too many entries", () => {
    const tensor = (load("zip.pth") as Map<string, Tensor>).get("scalar")!;
    expect(() => stateDictOf(new Map([["epoch", 1]]))).toThrow("the checkpoint has no tensors");
    const twice = new Map<string, unknown>([
      ["a.b", tensor],
      ["a", new Map([["b", tensor]])],
    ]);
    expect(() => stateDictOf(twice)).toThrow("the checkpoint has two tensors called a.b");
    let doubled: unknown = [tensor];
    for (let i = 0; i < 60; i++) doubled = [doubled, doubled];
    expect(() => stateDictOf(doubled)).toThrow("too many entries for a state");
    expect(() => stateDictOf(new Map([[[1], tensor]]))).toThrow("keys are not names");
  });
});

describe("a hostile or foreign file", () => {
  it.each(readdirSync(golden).filter((name) => name.startsWith("hostile")))("runs nothing: %s", (name) => {
    expect(() => load(name, golden)).toThrow(
      /cannot be read as a PyTorch checkpoint: the pickle asks for posix\.system at byte/,
    );
    expect(readdirSync(process.cwd())).not.toContain("PWNED");
  });

  it.each([
    [
      "refused-complex.pth",
      /asks for torch\.ComplexFloatStorage at byte \d+; only tensors and plain containers/,
    ],
    ["refused-model.pth", /asks for torch\.nn\.modules\.linear\.Linear .* as in a state_dict/],
    [
      "refused-program.pth",
      /it is a TorchScript program: in PyTorch, save the model's state_dict\(\) instead/,
    ],
    ["various.py", /the pickle has the unknown operation 0x22 at byte 0/],
  ])("is refused with the reason: %s", (name, message) => {
    expect(() => load(name)).toThrow(message);
  });

  it("is refused with the reason if a download failed", () => {
    expect(refusal(Buffer.from("<!DOCTYPE html><html>Quota exceeded"))).toMatch(
      /it is a web page, not the file/,
    );
    expect(refusal(Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0"))).toMatch(
      /git lfs pull/,
    );
    expect(refusal(new Uint8Array())).toMatch(/it is empty/);
    expect(() => loadPytorch(folder)).toThrow(/EISDIR/);
  });
});

describe("a broken file of the zip format", () => {
  const zip = () => Buffer.from(bytesOf("zip.pth"));
  const entry = (bytes: Buffer, name: string) => bytes.lastIndexOf(name) - 46;

  it("is refused if a byte of a storage or of the pickle was changed", () => {
    const bytes = zip();
    bytes[bytes.indexOf("transposed_view")] = 65;
    expect(refusal(bytes)).toMatch(
      /zip\/data.pkl in it is damaged: its checksum differs from the recorded one/,
    );
    const other = zip();
    other[1024 + 64] = 1;
    expect(refusal(other)).toMatch(/in it is damaged/);
  });

  it("is refused if entries overlap, are compressed or encrypted, or have the same name", () => {
    const overlapping = zip();
    overlapping.writeUInt32LE(
      overlapping.readUInt32LE(entry(overlapping, "zip/data/1") + 42),
      entry(overlapping, "zip/data/2") + 42,
    );
    expect(refusal(overlapping)).toMatch(/differs from its entry in the directory/);
    const long = zip();
    for (const at of [20, 24]) long.writeUInt32LE(400, entry(long, "zip/data/1") + at);
    expect(refusal(long)).toMatch(/zip\/data\/1 in it overlaps zip\/data\/2/);
    const compressed = zip();
    compressed.writeUInt16LE(8, entry(compressed, "zip/data/1") + 10);
    expect(refusal(compressed)).toMatch(/zip\/data\/1 in it is compressed/);
    const encrypted = zip();
    encrypted.writeUInt16LE(1, entry(encrypted, "zip/data/1") + 8);
    expect(refusal(encrypted)).toMatch(/zip\/data\/1 in it is encrypted/);
    const twice = zip();
    twice.write("zip/data/1", entry(twice, "zip/data/2") + 46);
    expect(refusal(twice)).toMatch(/it has zip\/data\/1 twice/);
  });

  it("is refused if a storage is missing or has another size, or the directory is wrong", () => {
    const missing = zip();
    for (let at = missing.indexOf("zip/data/3"); at >= 0; at = missing.indexOf("zip/data/3", at + 1))
      missing.write("zip/data/x", at);
    expect(refusal(missing)).toMatch(/its storage 3 is missing/);
    const end = zip().length - 22;
    const counted = zip();
    counted.writeUInt16LE(10, end + 10);
    expect(refusal(counted)).toMatch(/its directory is damaged at its byte/);
    const far = zip();
    far.writeUInt32LE(0xfffffff0, end + 16);
    expect(refusal(far)).toMatch(/its directory is not within it/);
    const large = zip();
    large.writeUInt32LE(0xffffffff, end + 16);
    large.writeBigUInt64LE(2n ** 60n, end - 20 - 56 + 48);
    expect(refusal(large)).toMatch(/its directory is not within it/);
  });

  it("is read with the directory's 64-bit record", () => {
    const large = zip();
    large.writeUInt32LE(0xffffffff, large.length - 22 + 16);
    const path = join(folder, "large.pth");
    writeFileSync(path, large);
    expect(plain(loadPytorch(path))).toEqual(plain(load("zip.pth")));
  });

  it("never unpacks a compressed entry", () => {
    const bomb = deflateRawSync(Buffer.alloc(2 ** 26));
    expect(bomb.length).toBeLessThan(2 ** 17);
    expect(refusal(zipOf([{ name: "bomb/data.pkl", bytes: bomb, method: 8, size: 2 ** 26 }]))).toMatch(
      /bomb\/data.pkl in it is compressed/,
    );
  });
});

describe("a broken file of the legacy format", () => {
  const legacy = () => Buffer.from(bytesOf("legacy.pth"));

  it("is refused if it is from a big-endian machine, or a storage has another length", () => {
    const big = legacy();
    big[big.indexOf("little_endian") + 15] = 0x89;
    expect(refusal(big)).toMatch(/big-endian machine/);
    const long = legacy();
    long[1132] = 200;
    expect(refusal(long)).toMatch(/has 200 elements, but its tensors need \d+/);
    expect(refusal(Buffer.concat([legacy(), Buffer.of(0)]))).toMatch(/has 1 bytes after its last storage/);
  });

  it("is refused if a tensor reaches beyond its storage", () => {
    const beyond = legacy();
    const at = beyond.indexOf(Buffer.from([0x4b, 4, 0x4b, 4, 0x85])); // Offset 4, shape [4].
    beyond[at + 1] = 9;
    expect(refusal(beyond)).toMatch(
      /_rebuild_tensor_v2 at byte \d+: a tensor of shape \[4\] needs element 12 of a storage with 12 elements/,
    );
  });

  it("is refused with the reason if git changed its line ends", () => {
    const mangled = Buffer.from(legacy().toString("latin1").replaceAll("\n", "\r\n"), "latin1");
    expect(refusal(mangled)).toMatch(/its line ends were changed to CR LF, as git does on Windows/);
  });
});
