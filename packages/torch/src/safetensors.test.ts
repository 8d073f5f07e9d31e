import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  type DType,
  elementSize,
  loadSafetensors,
  ones,
  saveSafetensors,
  type Tensor,
  tensor,
  zeros,
} from "./index.js";

const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "a.safetensors");

describe("saving and loading", () => {
  it("keeps every dtype, shape, name and bit, and the metadata", () => {
    const tensors = new Map<string, Tensor>();
    for (const dtype of Object.keys(elementSize) as DType[]) {
      tensors.set(dtype, tensor([[0, 1, 2], [3, 4, 5]], { dtype })); // biome-ignore format: rows
    }
    tensors.set("nan", tensor(new Float32Array([Number.NaN, -0, Number.POSITIVE_INFINITY])));
    tensors.set("scalar", tensor(5));
    tensors.set("empty", zeros([0, 3]));
    tensors.set("transposed", tensor([[1, 2], [3, 4]]).t()); // biome-ignore format: rows
    tensors.set("large", tensor(new BigInt64Array([2n ** 62n])));
    tensors.set("__proto__", ones([1]));
    tensors.set('ünïcode "quoted" 🐦', ones([1]));
    saveSafetensors(path, tensors, { step: "12", note: "a\nb" });

    const loaded = loadSafetensors(path);
    expect(loaded.metadata).toEqual({ step: "12", note: "a\nb" });
    expect([...loaded.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
    for (const [name, original] of tensors) {
      const copy = loaded.tensors.get(name)!;
      expect([copy.dtype, copy.shape], name).toEqual([original.dtype, original.shape]);
      expect(copy.toBytes(), name).toEqual(original.toBytes());
    }
  });

  it("writes the format: length, JSON padded to eight bytes, data", () => {
    saveSafetensors(path, new Map([["x", tensor([1, 2])]]));
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE(0));
    expect(length % 8).toBe(0);
    expect(JSON.parse(bytes.toString("utf8", 8, 8 + length))).toEqual({
      x: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    });
    expect(bytes.subarray(8 + length)).toEqual(Buffer.from(new Float32Array([1, 2]).buffer));
  });

  it("accepts an empty map of tensors", () => {
    saveSafetensors(path, new Map());
    expect(loadSafetensors(path).tensors.size).toBe(0);
  });

  it("leaves only the earlier file if it fails", () => {
    saveSafetensors(path, new Map([["x", ones([1])]]));
    const before = readFileSync(path);
    const gone = ones([1]);
    gone.dispose();
    expect(() => saveSafetensors(path, new Map([["x", gone]]))).toThrow(/disposed/);
    expect(() => saveSafetensors(path, new Map([["__metadata__", ones([1])]]))).toThrow(/__metadata__/);
    expect(() => saveSafetensors(folder, new Map([["x", ones([1])]]))).toThrow(/EISDIR|directory/);
    expect(readFileSync(path)).toEqual(before);
    expect(readdirSync(folder)).toEqual(["a.safetensors"]);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`${folder.split("/").at(-1)}.`))).toEqual(
      [],
    );
  });
});

describe("an invalid file", () => {
  const file = (header: unknown, data: Uint8Array = new Uint8Array(0), length?: bigint) => {
    const json =
      header instanceof Uint8Array
        ? header
        : Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(length ?? BigInt(json.length));
    return Buffer.concat([start, json, data]);
  };
  const entry = (shape: unknown, offsets: unknown, dtype: unknown = "F32") => ({
    dtype,
    shape,
    data_offsets: offsets,
  });
  const eight = new Uint8Array(8);
  const two = '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},';

  const wrong: [string, Buffer, RegExp][] = [
    ["empty", Buffer.alloc(0), /it has 0 bytes/],
    ["seven bytes", Buffer.alloc(7), /it has 7 bytes/],
    [
      "header longer than the file",
      file({}, eight, 1000n),
      /length is given as 1000 bytes, but only 10 bytes follow/,
    ],
    ["header of 2⁶⁴ − 1 bytes", file({}, eight, 2n ** 64n - 1n), /more than the format allows/],
    ["no JSON", file("{x"), /not JSON/],
    ["no UTF-8", file(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])), /not UTF-8/],
    ["a list", file([]), /header is not an object/],
    ["null", file("null"), /header is not an object/],
    ["an entry that is a number", file({ x: 1 }), /entry of x is not an object/],
    ["an entry that is null", file({ x: null }), /entry of x is not an object/],
    ["an unknown dtype", file({ x: entry([1], [0, 4], "F31") }, eight), /unknown dtype F31/],
    ["no dtype", file({ x: { shape: [1], data_offsets: [0, 4] } }, eight), /unknown dtype/],
    ["negative shape", file({ x: entry([-1], [0, 4]) }, eight), /shape of x is not a list of integers/],
    ["fractional shape", file({ x: entry([0.5], [0, 2]) }, eight), /shape of x/],
    [
      "a shape that overflows",
      file({ x: entry([2 ** 52, 2 ** 52, 2 ** 52], [0, 8]) }, eight),
      /its shape needs/,
    ],
    [
      "a dtype of another size",
      file({ x: entry([2], [0, 4], "F64") }, eight),
      /has 4 bytes, its shape needs 16/,
    ],
    ["negative offsets", file({ x: entry([2], [-8, 0]) }, eight), /offsets of x are not two integers/],
    ["one offset", file({ x: entry([2], [8]) }, eight), /offsets of x/],
    ["offsets backwards", file({ x: entry([0], [8, 4]) }, eight), /begins at byte 8, after its end at 4/],
    ["truncated", file({ x: entry([4], [0, 16]) }, eight), /ends at byte 16, and the data has 8.*truncated/],
    ["overlap", file({ x: entry([1], [0, 4]), y: entry([1], [2, 6]) }, eight), /bytes of x and y overlap/],
    ["a hole", file({ x: entry([1], [4, 8]) }, eight), /4 bytes between the header and x/],
    ["bytes left over", file({ x: entry([1], [0, 4]) }, eight), /last 4 bytes belong to no tensor/],
    [
      "a name twice",
      file(`${two}"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight),
      /has x twice/,
    ],
    [
      "a name twice, escaped",
      file(`${two}"\\u0078":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, eight),
      /x twice/,
    ],
    ["metadata that is not an object", file({ __metadata__: [] }), /metadata is not an object/],
    ["metadata that is not a string", file({ __metadata__: { a: 1 } }), /metadata's a is not a string/],
    ["70 dimensions", file({ x: entry(Array(70).fill(1), [0, 4]) }, eight.subarray(4)), /70 dimensions/],
  ];

  it.each(wrong)("%s", (_, bytes, message) => {
    writeFileSync(path, bytes);
    expect(() => loadSafetensors(path)).toThrow(message);
    expect(() => loadSafetensors(path)).toThrow(`${path} is not a safetensors file: `);
  });

  it("nested keys may repeat, and a file truncated anywhere gives one clear error", () => {
    saveSafetensors(path, new Map([["x", ones([3])], ["y", ones([2])]]), { x: "1", dtype: "2" }); // biome-ignore format: pairs
    expect(loadSafetensors(path).tensors.size).toBe(2);
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      expect(() => loadSafetensors(path)).toThrow("is not a safetensors file");
    }
  });

  it("a missing file is the system's error", () => {
    expect(() => loadSafetensors(join(folder, "none"))).toThrow(/ENOENT.*none/);
  });
});
